"""Introspection of running graphs: list graphs, show messages and counters, change parameters."""
