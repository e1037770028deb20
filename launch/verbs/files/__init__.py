"""Verbs that only read launch and graph files, and start no node."""
