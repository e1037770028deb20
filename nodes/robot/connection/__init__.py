"""Connections of a robot's node to its device: ``Link`` to a real one, ``Direct`` to a simulated one; and serial ports."""
