"""Bring images from where they lie into training: sources, one store, batches."""
