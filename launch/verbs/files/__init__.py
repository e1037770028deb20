"""Verbs that read launch and graph files, and start nothing."""
