"""The order in which gradients of several learners are applied, and the shared memory that transfers the gradients."""
