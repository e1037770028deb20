"""An orderly stop for processes that drive a device, in cases where other processes are killed.

When the launcher dies, or on SIGTERM, the process leaves its loop and its node stops: a robot goes to its
park pose. A process that hangs during this stop is killed after ``stop_s`` and a margin.
"""

from __future__ import annotations

import os
import select
import signal
import threading

from rtgraph.nodes.runtime.realtime.host import outlive_parent

MARGIN_S = 1.0
"""Time for the rest of the process to end, in addition to the node's ``stop_s``."""
EXIT_CODE_HUNG = 70
"""Exit code of a process that hung."""


class Guard:
    """Watches the launcher and SIGTERM. Make it in the main thread.

    Args:
        stop_s: maximum time that the node may take to stop.

    Raises:
        LaunchError: the launcher has already ended.
    """

    def __init__(self, stop_s: float) -> None:
        self._launcher = outlive_parent()
        self._terminated = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._stop_s = stop_s
        signal.signal(signal.SIGTERM, lambda *_: os.eventfd_write(self._terminated, 1))
        threading.Thread(target=self._end_if_hung, name="guard", daemon=True).start()

    @property
    def descriptors(self) -> list[int]:
        """The file descriptors that become readable when the process must stop."""
        return [self._launcher, self._terminated]

    @property
    def reason(self) -> str:
        """The reason why the process must stop; empty if it may go on."""
        ready = select.select(self.descriptors, [], [], 0)[0]
        if self._terminated in ready:
            return "SIGTERM"
        return "the launcher is gone" if ready else ""

    def _end_if_hung(self) -> None:
        select.select(self.descriptors, [], [])
        threading.Event().wait(self._stop_s + MARGIN_S)
        os._exit(EXIT_CODE_HUNG)
