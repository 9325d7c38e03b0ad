"""The other systems of the papers' tables, a file a system."""
