"""Exit codes of the command line."""

from __future__ import annotations

DONE, FAILED, INVALID, LOST, SIGNALLED = 0, 1, 2, 3, 128
"""The exit codes. If a signal ends a launch, its number is added to the last one, as in shells: 130 Ctrl-C, 143 SIGTERM."""
