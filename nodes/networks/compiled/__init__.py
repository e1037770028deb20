"""Small networks in C, compiled on this machine."""
