"""Launches in virtual time. They can save checkpoints of the state of all nodes, from which a launch can be resumed."""
