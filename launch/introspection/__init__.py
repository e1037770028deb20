"""Looking into a running graph: which there are, what is published, what its nodes count, and what may be changed."""
