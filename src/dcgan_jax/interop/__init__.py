"""Parameters from and for other programs."""
