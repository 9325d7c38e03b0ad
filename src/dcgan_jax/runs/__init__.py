"""The files that a run leaves behind, and the networks that are read from them."""
