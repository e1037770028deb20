"""Reference scores of games, reached by people and by simple policies, and confidence intervals of means."""
