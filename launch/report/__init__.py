"""Reports of launches: summaries, tables and warnings. Sessions are also grouped here, to draw their learning curves together."""
