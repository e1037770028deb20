"""The work of cells: classes that compute the results of one run of a study."""
