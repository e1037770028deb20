"""World checkpoints: the state of a virtual world, written to disk and read back."""
