"""Studies of learning in Atari and Game Boy games, one module each."""
