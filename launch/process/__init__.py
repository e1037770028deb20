"""The processes of a realtime launch: start, ready barrier, supervision, restart, stop."""
