"""Node classes: imported, declared, and described for other interpreters."""
