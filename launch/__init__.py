"""What is started: launch files, their processes, and the ``rtgraph`` command."""
