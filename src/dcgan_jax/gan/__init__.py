"""The idea: a GAN is two pure functions over explicit state."""
