"""The shipped studies of learning in games, one module each."""
