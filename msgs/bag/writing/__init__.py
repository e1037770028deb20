"""Writing recordings: the writer, its storages, and the recovery of damaged files."""
