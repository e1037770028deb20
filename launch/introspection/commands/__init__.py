"""What `rtgraph topic`, `node`, `param` and `top` print."""
