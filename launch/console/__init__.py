"""The terminal: command line, streams, signals, progress and tables."""
