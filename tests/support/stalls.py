"""Times in which the host ran nothing on a processor: a virtual machine's processors are lent, and taken back."""

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

    Times are those of the host's monotonic clock.

    The process has the highest realtime priority: nothing that a test starts can delay it, so a delay is the host's.
    Without permission for that priority nothing is watched, and no stall is ever found.
    """

    def __enter__(self) -> Self:
        self._told = tempfile.TemporaryFile("a+")
        self.watches = [
            subprocess.Popen(
                [sys.executable, "-IS", __file__, str(processor)],
                stdin=subprocess.DEVNULL,
                stdout=self._told,
            )
            for processor in os.sched_getaffinity(0)
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for watch in self.watches:
            watch.kill()
            watch.wait()
        self._told.close()

    def within_ns(self, begin_ns: int, end_ns: int) -> int:
        """Return the total standstill, within an interval, of the processor that stood still the longest."""
        stood: dict[str, int] = {}
        self._told.seek(0)
        for line in self._told:
            processor, *times = line.split()
            first, last = map(int, times)
            overlap = min(last, end_ns) - max(first, begin_ns)
            stood[processor] = stood.get(processor, 0) + max(overlap, 0)
        return max(stood.values(), default=0)


def _watch(processor: int) -> None:
    os.sched_setaffinity(0, {processor})
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(os.sched_get_priority_max(os.SCHED_FIFO)))
    except PermissionError:
        return
    parent = os.getppid()
    while os.getppid() == parent:
        due_ns = time.monotonic_ns() + round(STEP_S * 1e9)
        time.sleep(STEP_S)
        now_ns = time.monotonic_ns()
        if now_ns - due_ns > STEP_S * 1e9:
            os.write(sys.stdout.fileno(), b"%d %d %d\n" % (processor, due_ns, now_ns))


if __name__ == "__main__":
    _watch(int(sys.argv[1]))
