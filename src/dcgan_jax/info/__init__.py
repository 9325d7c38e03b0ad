"""What a run is, read from its folder without JAX."""
