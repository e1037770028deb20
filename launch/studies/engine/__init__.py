"""Runs any study. Its single runs, called cells, are computed side by side. Results are kept if the study is interrupted."""
