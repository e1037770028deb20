"""Threads of a process with SCHED_FIFO, which have this priority from their first instruction on.

A thread of ordinary priority may hold the interpreter's lock while it does not run, because other processes run. Then every
other thread of its process waits for the lock.

The main thread has the flag SCHED_RESET_ON_FORK, so that forked processes have ordinary priority. But with this flag, a thread
that the main thread starts also has ordinary priority at first. Therefore one separate thread has SCHED_FIFO without this flag,
and starts all other threads. So a tick does not wait 0.6 ms for the start of a thread.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue

log = logging.getLogger("rtgraph.threads")


@dataclass(frozen=True, slots=True)
class _Start:
    """A thread to start. ``priority`` is its SCHED_FIFO priority; None for an ordinary thread."""

    work: Callable[[], None]
    name: str
    priority: int | None

    def run(self) -> None:
        """Set the priority of this thread, and do the work. Forked processes do not inherit the priority."""
        if self.priority is not None:
            _schedule(os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, self.priority)
        elif fifo_priority() is not None:  # that of the thread that started this one
            _schedule(os.SCHED_OTHER, 0)
        self.work()


class _Starter:
    """Starts threads from one separate thread, which each process makes on first use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: SimpleQueue[_Start] | None = None
        os.register_at_fork(after_in_child=self._forget)

    def start(self, start: _Start) -> None:
        """Start a thread soon, in the separate thread."""
        with self._lock:
            if self._wanted is None:
                self._wanted = SimpleQueue()
                arguments = self._wanted, fifo_priority()
                threading.Thread(target=_start_all, args=arguments, name="threads", daemon=True).start()
            self._wanted.put(start)

    def _forget(self) -> None:
        """Forget the thread that starts others. A forked process does not have this thread."""
        self._lock, self._wanted = threading.Lock(), None


def _start_all(wanted: SimpleQueue[_Start], priority: int | None) -> None:
    """Start each thread that arrives in the queue ``wanted``. Runs until the process ends.

    ``priority`` is the SCHED_FIFO priority for the thread that runs this function; None for an ordinary thread.
    """
    if priority is not None:
        _schedule(os.SCHED_FIFO, priority)
    while True:
        start = wanted.get()
        try:
            threading.Thread(target=start.run, name=start.name, daemon=True).start()
        except RuntimeError as error:
            log.warning("the thread %r cannot be started: %s", start.name, error)


_starter = _Starter()


def fifo_priority() -> int | None:
    """Return the SCHED_FIFO priority of the calling thread; None if it has another scheduling policy."""
    if os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK != os.SCHED_FIFO:
        return None
    return os.sched_getparam(0).sched_priority


def start_thread(work: Callable[[], None], name: str, *, below: int = 0) -> None:
    """Request the start of a daemon thread. This function does not wait until the thread runs.

    If the calling thread has SCHED_FIFO, so has the new thread, with a priority lower by ``below``.

    Args:
        work: the function that the thread runs.
        name: the name of the thread, for debuggers.
        below: the difference between the two priorities; 0 for the same priority. The lowest priority is 1.
    """
    priority = fifo_priority()
    _starter.start(_Start(work, name, None if priority is None else max(1, priority - below)))


def _schedule(policy: int, priority: int) -> None:
    with contextlib.suppress(OSError):  # then the thread keeps the priority that it has
        os.sched_setscheduler(0, policy, os.sched_param(priority))
