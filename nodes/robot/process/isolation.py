"""Decides where the driver of a plant runs: in a separate process, or in a thread of the plant's process."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.robot.connection.link_params import LinkParams
from rtgraph.nodes.robot.driver import Driver, driver_class, make_driver
from rtgraph.nodes.robot.process.driver import DriverProcess, start_kept

SHARE = 0.8
"""Share of the time after which the plant abandons a call. If a call takes longer than this share, the driver's process is
killed. So the call ends with an error before it is abandoned."""


def device_driver(path: str, params: Mapping[str, object], link: LinkParams) -> Driver:
    """Return a new driver, which runs in a separate process or in this one.

    If ``link.isolated`` is True, the driver runs in a separate process; if it is False, in this process. If it is None, the driver
    runs in a separate process, unless its class says ``isolated = False``. A subclass does not inherit the class attribute
    ``isolated``: if its calls compute little, the subclass sets the attribute again. A ``DriverProcess`` is always made in
    this process, because it starts a separate process by itself.

    Raises:
        RobotError: the driver's process could not be started.
        NodeError: the class does not exist.
    """
    if not _is_isolated(path, link):
        return make_driver(path, params)
    call_s = SHARE * link.failures * link.deadline_ms / 1e3
    return DriverProcess(path, params, call_s, SHARE * link.connect_s)


def start_process(path: str, params: Mapping[str, object], link: LinkParams) -> None:
    """Start the process of the first driver, if drivers run in a separate process. Call it before the first tick: it takes a second."""
    if _is_isolated(path, link):
        # The first driver meets the same problem, and the link reports it.
        with contextlib.suppress(RobotError):
            start_kept(path, params)


def _is_isolated(path: str, link: LinkParams) -> bool:
    cls = driver_class(path)
    isolated = vars(cls).get("isolated", True) if link.isolated is None else link.isolated
    return isolated and not issubclass(cls, DriverProcess)
