"""Above the spine: what is tried, in which order, for how long, and what was decided."""
