"""The log of a realtime node, written by a separate thread.

A write to the log waits while the disk is busy, or while a terminal is stopped. If the thread of the ticks wrote the log, ticks
would wait too. They would also wait for log records of other threads.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from logging.handlers import QueueHandler
from queue import SimpleQueue

from rtgraph.nodes.runtime.realtime.threads import start_thread

FLUSH_S = 1.0
"""Maximum time in seconds to wait for the disk at the end of a process."""


class BackgroundHandler(QueueHandler):
    """Passes log records to a thread, which passes them to another handler, in the same order.

    Args:
        handler: writes the records.
    """

    def __init__(self, handler: logging.Handler) -> None:
        self._records: SimpleQueue[logging.LogRecord | threading.Event] = SimpleQueue()
        super().__init__(self._records)
        self.handler = handler
        start_thread(self._write, "log", below=1)

    def flush(self) -> None:
        """Wait until all records so far are written, for at most ``FLUSH_S``."""
        written = threading.Event()
        self._records.put(written)
        written.wait(FLUSH_S)

    def _write(self) -> None:
        while True:
            item = self._records.get()
            if isinstance(item, threading.Event):
                with contextlib.suppress(OSError):  # the disk may be full
                    self.handler.flush()
                item.set()
            else:
                self.handler.handle(item)


def log_in_background() -> None:
    """Let a thread write the log of this process. A forked process does not have this thread, so it writes its log directly."""
    root = logging.getLogger()
    direct = root.handlers[:]
    root.handlers[:] = [BackgroundHandler(handler) for handler in direct]

    def write_directly() -> None:
        root.handlers[:] = direct

    os.register_at_fork(after_in_child=write_directly)
