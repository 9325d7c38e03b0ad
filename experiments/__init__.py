"""What was measured with dcgan_jax: scripts, and the results that they wrote."""
