"""What an update is: batch, losses, optimiser, and the state that a checkpoint keeps."""
