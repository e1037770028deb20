"""Updates of weights: gradients, optimiser, and the state in a checkpoint."""
