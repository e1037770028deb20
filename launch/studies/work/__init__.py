"""What the cells of studies compute."""
