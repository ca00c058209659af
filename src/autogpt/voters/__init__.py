"""Voters, one file each: who says what a text may be where there are no labels, or few."""
