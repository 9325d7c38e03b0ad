"""Near duplicates, found by the hashes of a denoising autoencoder (§4.1.1)."""
