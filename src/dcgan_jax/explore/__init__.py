"""A local page on which samples are picked, boxed, walked between and compared."""
