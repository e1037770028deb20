"""Exit codes of the command line."""

from __future__ import annotations

DONE, FAILED, INVALID, LOST, SIGNALLED = 0, 1, 2, 3, 128
"""Done; a node or the launch failed; the graph or the command line is wrong; done, but messages were lost; ended by a signal.

The number of the signal is added to the last code, as in shells: 130 Ctrl-C, 143 SIGTERM.
"""
