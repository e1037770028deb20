"""From nodes in their places to a plan: classes, wiring, replacement, recording, placement."""
