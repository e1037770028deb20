"""The realtime world: one process per node, ZeroMQ sockets, the wall clock."""
