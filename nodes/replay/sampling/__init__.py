"""Which transitions a batch holds, and how often batches are sampled."""
