"""The studies that the method stands on, repeated in virtual time."""
