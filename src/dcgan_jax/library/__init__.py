"""The library: a trained pair of networks to work with from Python."""
