"""Reads YAML files into a list of nodes: files, arguments, references, includes."""
