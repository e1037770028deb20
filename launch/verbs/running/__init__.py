"""Verbs that look into a running launch."""
