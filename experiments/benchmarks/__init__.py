"""Measures of speed and memory, beside those of other programs."""
