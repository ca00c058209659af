"""The commands, one file each; a file's name is its command's name."""
