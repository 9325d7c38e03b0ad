"""The machine: errors, disk, files within bounds, progress, JAX's backend."""
