"""The actions of ``rtgraph topic``, ``node``, ``param`` and ``top``.

They print what is known of a running graph, publish messages, and change parameters.
"""
