"""Exit codes of the command line."""

from __future__ import annotations

DONE, FAILED, INVALID, LOST, SIGNALLED = 0, 1, 2, 3, 128
"""Exit codes of the ``rtgraph`` command, in order:

* 0: the command is done;
* 1: a node or the launch failed;
* 2: the graph or the command line is wrong;
* 3: done, but messages were lost;
* 128: a signal ended the command. The number of the signal is added: 130 for Ctrl-C, 143 for SIGTERM.
"""
