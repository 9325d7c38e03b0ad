"""The tabs of the page; each makes its elements, then connects them."""
