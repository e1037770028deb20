"""The verbs of the ``rtgraph`` command, one module each; related verbs share a subpackage.

A module has ``configure(parser)``, which adds its arguments, a description and an example, and ``run(args)``, which runs
the verb and returns the exit code. The table of verbs is in ``rtgraph.launch.cli``, which imports only the requested
verb; slow imports are inside ``run``.
"""
