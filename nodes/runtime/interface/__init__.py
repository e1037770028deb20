"""The API for node classes: nodes, ports, taps, timers, changeable parameters."""
