"""DCGAN and the GAN it grew from, in JAX and Flax."""

__version__ = "0.1.0"
