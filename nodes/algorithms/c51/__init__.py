"""C51 (Bellemare et al., 2017); with the other parts of its head and of the replay memory, Rainbow (Hessel et al., 2018)."""
