"""Faults that a run must survive, each a part of reliability.py."""
