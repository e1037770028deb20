"""What writes recordings: the writer, its storages, and the recovery of cut files."""
