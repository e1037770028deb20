"""The studies that support the method, repeated in virtual time."""
