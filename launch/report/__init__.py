"""What a launch reports: progress, summary, tables and figures over sessions."""
