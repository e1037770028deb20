"""Turns the nodes of files into a plan: classes, parameters, edges, replacements, recording."""
