"""Scripted policies for robots."""
