"""Introspection of running graphs: list them, see their messages and counters, change parameters."""
