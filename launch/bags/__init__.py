"""The work of the bag verbs: attach a recorder, play, verify."""
