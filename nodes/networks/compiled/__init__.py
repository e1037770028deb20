"""C code for small networks, compiled on this machine."""
