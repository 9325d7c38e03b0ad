"""A local page to pick samples, draw boxes on them, walk between and compare them."""
