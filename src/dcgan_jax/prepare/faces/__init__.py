"""Faces cut out of photographs (§4.2)."""
