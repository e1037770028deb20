"""The studies of learning in Atari and Game Boy games that rtgraph contains, one module each."""
