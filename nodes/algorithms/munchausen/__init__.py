"""Munchausen DQN (Vieillard et al., 2020)."""
