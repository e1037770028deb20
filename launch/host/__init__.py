"""What a launch needs of its host: runtime directory, descriptors, signals, leftovers."""
