"""Drivers that run in a separate process, or in that of their plant."""

from __future__ import annotations

import os

from support.robot_device import SimulatedDriver

from rtgraph.nodes.robot.process import DriverProcess


class Timed(SimulatedDriver):
    """Says its process as a position, and its age."""

    def get_observation(self) -> dict[str, float]:
        return {"pan.pos": float(os.getpid())}

    def ages_ns(self) -> dict[str, int]:
        return {"pan.pos": 2_000_000}


class Within(Timed):
    isolated = False


class Inherits(Within):
    pass


class AlreadyApart(DriverProcess):
    def __init__(self) -> None:
        super().__init__(f"{__name__}:Timed", {})
