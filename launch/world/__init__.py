"""Launches in virtual time, and their world checkpoints, from which a launch can be resumed."""
