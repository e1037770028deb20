"""Exit codes of the command line."""

from __future__ import annotations

DONE, FAILED, INVALID, LOST, SIGNALLED = 0, 1, 2, 3, 128
"""A launch that a signal ended adds the signal's number, as shells do: 130 Ctrl-C, 143 SIGTERM."""
