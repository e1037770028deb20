"""What a launch needs of the computer it runs on: runtime folder, file descriptors, signals, leftover processes."""
