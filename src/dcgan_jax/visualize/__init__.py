"""Pictures of what a run learns."""
