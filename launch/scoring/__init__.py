"""Reference scores of games, from people and simple policies, and confidence intervals of means."""
