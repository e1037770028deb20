"""The virtual world: all nodes in one process, under virtual time."""
