"""What a node class is written with: nodes, ports, taps, timers, changeable parameters."""
