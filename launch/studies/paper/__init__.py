"""The shipped studies, one module each."""
