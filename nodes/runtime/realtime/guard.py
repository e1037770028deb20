"""An orderly stop for a process that drives a device, when its launcher dies or on SIGTERM.

In these cases, the kernel kills the processes of nodes without a device. A process with a ``Guard`` leaves its loop and stops
its node in order: for example, a robot goes to its park pose. If the process hangs during this stop, it ends after ``stop_s``
and ``MARGIN_S``.
"""

from __future__ import annotations

import os
import select
import signal
import threading

from rtgraph.nodes.runtime.realtime.host import outlive_parent

MARGIN_S = 1.0
"""Time in seconds that a process may take to end, after the ``stop_s`` of its node."""
EXIT_CODE_HUNG = 70
"""Exit code of a process that hung during its orderly stop."""


class Guard:
    """Notices the end of the launcher, and SIGTERM. Make a guard in the main thread.

    Args:
        stop_s: maximum time in seconds that the node may take to stop.

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
