"""Terminal output and input: command line, streams, signals, progress and tables."""
