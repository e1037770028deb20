"""What a launch needs of its host: runtime directory, file descriptors, signals, leftover processes."""
