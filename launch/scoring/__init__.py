"""Reference scores of games, and confidence intervals."""
