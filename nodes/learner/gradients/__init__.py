"""How learners that share weights take turns, and pass gradients on."""
