"""Questions beyond the papers' tables: a script each."""
