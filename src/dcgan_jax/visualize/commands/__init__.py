"""Flags and files of the commands of `python -m dcgan_jax.visualize`."""
