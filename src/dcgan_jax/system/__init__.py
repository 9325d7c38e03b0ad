"""What is the machine's: errors, disk, files within bounds, progress, JAX's backend."""
