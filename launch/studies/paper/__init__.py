"""The studies of staggering, delay, chunks and theory that rtgraph contains, one module each."""
