"""A package that adds one of each to rtgraph: a plant, a stagger method, an exporter, a verb and a launch file."""
