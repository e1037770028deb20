"""The process of a driver. It answers requests to make the driver and to call it, one after the other.

The process ends at once when the plant's process ends, even during a call: nothing moves without a live plant.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from rtgraph.msgs.errors import RobotError, RtgraphError
from rtgraph.msgs.typed.one_line import in_one_line
from rtgraph.nodes.robot.driver import Driver, Feature, TimedDriver, TorqueDriver, check_driver, driver_class
from rtgraph.nodes.robot.process.frames import Frame, receive, send
from rtgraph.nodes.runtime.classes.imports import look_in, pin


class Server:
    """Answers the requests of one plant."""

    def __init__(self) -> None:
        self._make: Callable[..., Driver]
        self._params: dict[str, object] = {}
        self._driver: Driver | None = None

    def answer(self, request: Frame) -> Frame:
        """Answer a request. Errors are in the answer, as ``problem`` and ``hint``."""
        try:
            return self._done(request)
        except RtgraphError as error:
            return {"problem": error.problem, "hint": error.hint}
        except (Exception, SystemExit) as error:  # a driver may raise anything
            return {"problem": in_one_line(error), "hint": None}

    def _done(self, request: Frame) -> Frame:
        match request["what"]:
            case "load":
                look_in(*map(Path, request["folders"]))
                pin({name: Path(module) for name, module in request["modules"].items()})
                check_driver(
                    request["driver"], request["params"]
                )  # slow imports come before the first call with a deadline
                self._make, self._params = driver_class(request["driver"]), request["params"]
                gc.freeze()  # a collection at a disconnect then skips imported modules
                return {}
            case "connect":
                return self._connected()
            case "disconnect":
                return self._disconnected()
        if self._driver is None:
            raise RobotError("the driver is not connected", hint="call connect first")
        return _called(self._driver, request)

    def _connected(self) -> Frame:
        """Make a new driver, connect it, and return the answer to the plant's process: the driver's features and abilities.

        An earlier driver is not used again, because a failed driver may never recover.
        """
        self._driver = driver = self._make(**self._params)
        driver.connect()
        return {
            "observation_features": _written(driver.observation_features),
            "action_features": _written(driver.action_features),
            "torque": isinstance(driver, TorqueDriver),
            "timed": isinstance(driver, TimedDriver),
        }

    def _disconnected(self) -> Frame:
        driver, self._driver = self._driver, None
        try:
            if driver is not None:
                driver.disconnect()
        finally:
            # Collect it now, to close what it has left open.
            del driver
            gc.collect()
        return {}


def _called(driver: Driver, request: Frame) -> Frame:
    if request["what"] == "get_observation":
        values = dict(driver.get_observation())
        return {
            "values": values,
            "ages_ns": dict(driver.ages_ns()) if isinstance(driver, TimedDriver) else {},
        }
    if request["what"] == "send_action":
        return {"values": dict(driver.send_action(request["action"]))}
    if isinstance(driver, TorqueDriver):
        driver.set_torque(request["on"])
    return {}


def _written(features: Mapping[str, Feature]) -> dict[str, list[int] | None]:
    return {name: list(shape) if isinstance(shape, tuple) else None for name, shape in features.items()}


def _end_with(lifeline: int) -> None:
    """End this process when the other end of a pipe is closed, because the plant's process has ended."""
    os.read(lifeline, 1)
    os._exit(0)


def main() -> None:
    """Serve the plant that started this process."""
    plant, lifeline = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # a busy driver must not inherit the plant's priority
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    server = Server()
    with contextlib.suppress(EOFError, OSError):
        while True:
            send(plant, server.answer(receive(plant, None)))
    os._exit(0)  # without disconnecting, which could switch the torque off


if __name__ == "__main__":
    main()
