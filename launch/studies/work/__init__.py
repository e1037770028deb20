"""The work of a study's cells (single runs): classes that compute the results of one cell."""
