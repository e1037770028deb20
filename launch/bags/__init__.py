"""Functions of ``rtgraph bag``: record a running graph, play and verify a recording, and choose an exporter."""
