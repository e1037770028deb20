"""Updates of weights: gradients, the optimiser, and checkpoints of the training state."""
