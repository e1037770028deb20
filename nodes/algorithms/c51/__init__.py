"""C51 (Bellemare et al., 2017).

With a dueling and noisy head, double learning, and prioritised sampling of three-step returns, it is Rainbow (Hessel et al., 2018).
"""
