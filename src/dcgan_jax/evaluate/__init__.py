"""Numbers about a generator: FID and its kin, nearest neighbours, Parzen windows."""
