"""Verbs' work on recordings: attach a recorder, play, verify."""
