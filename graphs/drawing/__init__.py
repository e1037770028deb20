"""Pictures of a plan: Mermaid, DOT and SVG."""
