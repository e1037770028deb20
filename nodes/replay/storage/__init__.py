"""Where transitions and frames are stored: in memory or on disk, within a byte budget."""
