"""Gradients of several learners: the order in which they are applied, and the shared memory that transfers them."""
