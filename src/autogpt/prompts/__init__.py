"""Generators of prompts, one file each: who writes what a label, or a task, is called in words."""
