"""Node classes: their import, their declarations, and their descriptions for other interpreters."""
