"""Studies of staggering, delay, chunks of actions and theory, one module each."""
