"""Values that people type, checked strictly against declared types."""
