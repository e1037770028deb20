"""Classes that compute single runs of a study, called cells."""
