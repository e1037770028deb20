"""A driver that runs in a separate process: the plant's side.

Some drivers hold Python's global lock while they wait for the device. In the plant's process, such a driver delays the
ticks of the plant. In a separate process it delays no tick. After a fault the process is kept for the next driver object,
because the import of a driver may take seconds. A process that does not answer in time is killed.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import ClassVar

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.robot.driver import Feature, Reading
from rtgraph.nodes.robot.process.frames import Frame, receive, send
from rtgraph.nodes.runtime.classes.imports import looked_in, pinned

START_S = 60.0
CONNECT_S = 30.0
CALL_S = 0.5
"""Default of ``call_s``, in seconds. It is below the time after which the plant abandons a call (three times ``deadline_ms``)."""
MOST_ATTEMPTS = 10
_SERVER = ("-P", "-m", "rtgraph.nodes.robot.process.server")


class DriverProcess:
    """Calls a driver in another process of this interpreter.

    Args:
        driver: the driver's class, ``package.module:Class``.
        driver_params: the keyword arguments with which the driver is made.
        call_s: maximum duration of a read or a command; after this time the process is killed, and the call raises.
        connect_s: maximum duration of connecting; after this time the process is killed, and ``connect`` raises.
    """

    def __init__(
        self,
        driver: str,
        driver_params: Mapping[str, object],
        call_s: float = CALL_S,
        connect_s: float = CONNECT_S,
    ) -> None:
        self._call_s, self._connect_s = call_s, connect_s
        self._process: _Process | None = _Process.take(driver, driver_params)
        self.observation_features: Mapping[str, Feature] = {}
        self.action_features: Mapping[str, Feature] = {}
        self.is_connected = False
        self._ended = "the driver is disconnected"
        """Why there is no driver process at present. A call without a process raises this text."""

    def connect(self) -> None:
        """Make the driver and connect it.

        Raises:
            RobotError: the driver raises an error, or its process ends or hangs. The other methods raise it for the
                same reasons.
        """
        process = self._process
        if process is not None:
            process.attempts += 1
        answer = self._ask({"what": "connect"}, self._connect_s)
        if process is not None:
            process.attempts = 0
        self.observation_features = _features(answer["observation_features"])
        self.action_features = _features(answer["action_features"])
        self.is_connected = True
        # Defined only if the driver has them, which is known only now.
        if answer["torque"]:
            self.set_torque = self._set_torque
        if answer["timed"]:
            self.ages_ns = self._last_ages_ns

    def disconnect(self) -> None:
        """Disconnect the driver, and keep its process for the next driver."""
        self.is_connected = False
        with _Process.handing_over:  # a next driver that is made now waits for this process
            try:
                self._ask({"what": "disconnect"}, self._call_s)
            finally:
                process, self._process = self._process, None
                if process is not None:
                    process.keep()

    def get_observation(self) -> Mapping[str, Reading]:
        """Read the device in the driver's process."""
        answer = self._ask({"what": "get_observation"}, self._call_s)
        values: dict[str, Reading] = answer["values"]
        self._ages_ns: Mapping[str, int] = answer["ages_ns"]
        return values

    def send_action(self, action: dict[str, float]) -> Mapping[str, Reading]:
        """Send an action in the driver's process."""
        request = {"what": "send_action", "action": action}
        values: dict[str, Reading] = self._ask(request, self._call_s)["values"]
        return values

    def _last_ages_ns(self) -> Mapping[str, int]:
        return self._ages_ns

    def _set_torque(self, on: bool) -> None:
        self._ask({"what": "set_torque", "on": on}, self._call_s)

    def _ask(self, request: Frame, timeout_s: float) -> Frame:
        if self._process is None:
            raise RobotError(self._ended)
        try:
            answer = self._process.ask(request, timeout_s)
        except RobotError as error:
            self._process, self.is_connected = None, False
            self._ended = error.problem
            raise
        if "problem" in answer:
            raise RobotError(answer["problem"], hint=answer["hint"])
        return answer


class _Process:
    """A process that runs drivers of one class. It ends when the plant's process ends."""

    kept: ClassVar[dict[str, _Process]] = {}
    handing_over = threading.Lock()

    def __init__(self, driver: str, params: Mapping[str, object], key: str) -> None:
        self._key = key
        self.attempts = 0
        """Number of consecutive drivers that could not connect."""
        self._closed = False
        ours, theirs = socket.socketpair()
        theirs_lifeline, self._lifeline = os.pipe()
        with theirs:
            self._popen = subprocess.Popen(
                [sys.executable, *_SERVER, str(theirs.fileno()), str(theirs_lifeline)],
                stdin=subprocess.DEVNULL,  # a driver that asks at a terminal gets an error
                pass_fds=(theirs.fileno(), theirs_lifeline),
                # Linux shares the processors between sessions, so a busy driver does not slow the plant down.
                start_new_session=True,
            )
        os.close(theirs_lifeline)
        self._socket = ours
        modules = {"folders": looked_in(), "modules": pinned()}
        answer = self.ask({"what": "load", "driver": driver, "params": dict(params), **modules}, START_S)
        if "problem" in answer:
            self.close()
            raise RobotError(answer["problem"], hint=answer["hint"])

    @classmethod
    def take(cls, driver: str, params: Mapping[str, object]) -> _Process:
        """Return a kept process for this driver, or a new process."""
        key = repr((driver, sorted(params.items(), key=lambda item: item[0])))
        with cls.handing_over:
            kept = cls.kept.pop(key, None)
        if kept is not None and kept._popen.poll() is None:
            return kept
        if kept is not None:
            kept.close()
        return cls(driver, params, key)

    def keep(self) -> None:
        """Keep the process for the next driver of this class with these parameters.

        Instead, end the process if another process is already kept for this class and these parameters, or if the last
        ``MOST_ATTEMPTS`` drivers in the process could not connect.
        """
        kept = self.kept.setdefault(self._key, self) if self.attempts < MOST_ATTEMPTS else None
        if kept is not self:
            self.close()

    def ask(self, request: Frame, timeout_s: float) -> Frame:
        """Send a request to the process, and return the answer.

        Raises:
            RobotError: the process has ended, or it did not answer in time and was killed.
        """
        try:
            self._socket.settimeout(timeout_s)
            send(self._socket, request)
            return receive(self._socket, timeout_s)
        except TimeoutError as error:
            self.close()
            what = request["what"]
            raise RobotError(
                f"{what} did not return within {timeout_s:g} s; the driver was killed"
            ) from error
        except (OSError, EOFError) as error:
            self.close()
            raise RobotError(f"the driver's process has ended, exit code {self._popen.returncode}") from error
        except BaseException:  # a value that cannot be sent, or an interrupt
            self.close()
            raise

    def close(self) -> None:
        """End the process."""
        if self._closed:
            return
        self._closed = True
        self._popen.kill()
        self._popen.wait()
        self._socket.close()
        os.close(self._lifeline)


def start_kept(driver: str, params: Mapping[str, object]) -> None:
    """Start a process for a driver, and keep it. The first ``DriverProcess`` with the same class and parameters uses this process.

    Raises:
        RobotError: the process could not be started, or could not import the driver.
    """
    _Process.take(driver, params).keep()


def end_kept() -> None:
    """End the processes that are kept for new drivers."""
    while _Process.kept:
        _, process = _Process.kept.popitem()
        process.close()


def _features(written: Mapping[str, list[int] | None]) -> dict[str, Feature]:
    return {name: float if shape is None else tuple(shape) for name, shape in written.items()}
