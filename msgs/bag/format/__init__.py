"""The container format of recordings: MCAP chunks, channels and records."""
