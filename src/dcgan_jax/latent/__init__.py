"""What directions in the latent space mean (§6.1, §6.3)."""
