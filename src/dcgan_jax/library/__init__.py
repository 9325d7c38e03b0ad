"""The library's face: a trained pair of networks, to work with from Python."""
