"""What the actions of ``rtgraph bag`` do with recordings: record a running graph, play, verify, and choose an exporter."""
