"""Reports of launches: summaries, tables, warnings, and groups of sessions to draw together."""
