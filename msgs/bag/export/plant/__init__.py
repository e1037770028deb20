"""A plant's part of a recording: its ticks, and its spec in the plan."""
