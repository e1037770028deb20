"""Latencies in a recording: the measured durations, the distributions fitted to them, and pictures of both."""
