"""The loop: a config in, a trained run's folder out."""
