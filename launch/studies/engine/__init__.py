"""Runs any study: its cells run side by side, each only once, and an interrupted study continues where it was."""
