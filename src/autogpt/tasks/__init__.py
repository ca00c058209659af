"""Tasks, one file each: how a row becomes inputs and a target, and which metrics judge the answers."""
