"""The studies of rtgraph that are not about Atari or Game Boy games, one module each."""
