"""The convolutions of small networks in C, compiled on this machine."""
