"""Latencies in a recording: measured durations, the distributions fitted to them, and plots of both."""
