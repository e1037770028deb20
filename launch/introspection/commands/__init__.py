"""Output of ``rtgraph topic``, ``node``, ``param`` and ``top``."""
