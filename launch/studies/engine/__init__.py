"""Runs any study: its cells (single runs) are computed side by side, and each only once, even if the study is interrupted."""
