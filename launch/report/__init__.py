"""Reports of launches: summaries, tables, and figures over sessions."""
