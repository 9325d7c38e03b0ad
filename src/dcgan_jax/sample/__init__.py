"""Images drawn by a trained generator."""
