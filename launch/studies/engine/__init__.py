"""Runs any study: side by side, resumable at any instant, each cell once."""
