"""Launches in the virtual world, and their world checkpoints."""
