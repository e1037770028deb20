"""The connection of a plant to its device: the link to a real one, and the direct one to a simulated one."""
