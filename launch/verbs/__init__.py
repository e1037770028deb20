"""The verbs of the ``rtgraph`` command, one module each. Related verbs share a subpackage.

A module has two functions: ``configure(parser)`` adds the arguments, a description and an example; ``run(args)`` runs the
verb and returns the exit code. ``rtgraph.launch.cli`` lists all verbs, and imports only the requested one. Slow imports are
inside ``run``.
"""
