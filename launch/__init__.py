"""Launch files, the processes of a launch, and the ``rtgraph`` command."""
