"""Starts the threads of drivers, in a thread: starting one takes 0.6 ms, which would make a tick late."""

from __future__ import annotations

from queue import SimpleQueue

from rtgraph.nodes.robot.connection.driver_session import DriverSession
from rtgraph.nodes.runtime.realtime.host import start_thread


class Starter:
    """Runs each driver session in a thread, beginning soon after ``start``."""

    def __init__(self) -> None:
        self._sessions: SimpleQueue[DriverSession | None] = SimpleQueue()
        self._runs = False

    def start(self, session: DriverSession) -> None:
        """Begin a session soon."""
        if not self._runs:
            self._runs = True
            start_thread(self._run, "drivers", below=1)
        self._sessions.put(session)

    def end(self) -> None:
        """Begin no more sessions."""
        self._sessions.put(None)

    def _run(self) -> None:
        while (session := self._sessions.get()) is not None:
            start_thread(session.run, f"driver {session.number}")
