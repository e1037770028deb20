"""Connections of a plant to its device: ``Link`` to a real one, ``Direct`` to a simulated one; and the serial port of drivers."""
