"""Verbs that inspect or change a running launch."""
