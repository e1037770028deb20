"""How long the host kept a processor from running anything: a virtual machine's processors are lent, and taken back."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from typing import Self

STEP_S = 0.002


class Stalls:
    """Watches each processor while a ``with`` block runs, by a process pinned to it that wakes every 2 ms.

    It has the highest realtime priority: nothing that a test starts can hold it up, so what does is the host.
    Where that priority is not given to us there is no watch, and no stall is ever known of.
    """

    def __enter__(self) -> Self:
        self._late_ns = tempfile.TemporaryFile("a+")
        self.watches = [
            subprocess.Popen(
                [sys.executable, "-IS", __file__, str(processor)],
                stdin=subprocess.DEVNULL,
                stdout=self._late_ns,
            )
            for processor in os.sched_getaffinity(0)
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for watch in self.watches:
            watch.kill()
            watch.wait()
        self._late_ns.close()

    def longest_ns(self) -> int:
        """Return the longest stall so far; 0 where there was none."""
        self._late_ns.seek(0)
        return max(map(int, self._late_ns), default=0)


def _watch(processor: int) -> None:
    os.sched_setaffinity(0, {processor})
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(os.sched_get_priority_max(os.SCHED_FIFO)))
    except PermissionError:
        return
    parent = os.getppid()
    while os.getppid() == parent:
        slept_at_ns = time.monotonic_ns()
        time.sleep(STEP_S)
        late_ns = time.monotonic_ns() - slept_at_ns - round(STEP_S * 1e9)
        if late_ns > STEP_S * 1e9:
            os.write(sys.stdout.fileno(), b"%d\n" % late_ns)


if __name__ == "__main__":
    _watch(int(sys.argv[1]))
