"""The order in which gradients of several learners are applied, and their shared memory."""
