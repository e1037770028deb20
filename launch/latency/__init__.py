"""Latencies of a recorded graph: their samples, the distributions fitted to them, the pictures."""
