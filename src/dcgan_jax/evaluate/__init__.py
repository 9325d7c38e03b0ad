"""Numbers about a generator: nearest neighbours, Parzen windows, memorisation."""
