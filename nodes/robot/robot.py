"""The plant that drives a real robot."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.robot.connection.link import Link
from rtgraph.nodes.robot.device_plant import CLOSE_S
from rtgraph.nodes.robot.driver import check_cameras, check_driver, check_joints, feature_problem
from rtgraph.nodes.robot.params import RobotParams, commanded_by, features_of
from rtgraph.nodes.robot.plant import RobotPlant
from rtgraph.nodes.robot.process.isolation import device_driver, start_process
from rtgraph.nodes.runtime.clock import period_ns

HOLD_NS = 1_000_000_000
"""Maximum time to decelerate, and maximum time to switch the torque, in ns."""
SWITCH_S = 0.0001
"""Python's switch interval in seconds: how long a busy driver thread may keep Python's global lock. The default is 5 ms.

With 0.01 ms, ticks were late by seconds: threads of SCHED_FIFO that waited for the lock kept the processors busy, so
the thread with the lock could not run.
"""
REST_S = 1.0
"""Part of the time to stop, in seconds, that is reserved for the end of the process."""


class Robot(RobotPlant[RobotParams]):
    """Drives a robot through its driver, in real time only.

    The driver's calls run in a separate thread, so that they do not delay the tick. At the end, the robot moves slowly
    to its park pose, if it has one. At this pose its torque is switched off, unless ``torque_off`` is False.
    """

    hardware: ClassVar[bool] = True

    @classmethod
    def check(cls, params: RobotParams) -> None:
        """Check the joints' limits, the task, the default behaviour and the driver's class. No driver is made."""
        super().check(params)
        check_driver(params.driver, params.driver_params)
        check_joints(params.driver, params.driver_params, params.joints)
        check_cameras(params.driver, params.driver_params, params.cameras)

    def connection(self, period_ns: int, stop: dict[str, float] | None) -> Link:
        """Make the connection to the device. It connects on ``start``."""
        params = self.params
        if not self.context.launch_context.realtime:
            raise NodeError(
                f"{self.name} drives a device, so it can run in real time only", hint="use --world realtime"
            )
        observed, commanded = features_of(params), commanded_by(params)
        self._link = Link(
            lambda: device_driver(params.driver, params.driver_params, params.link),
            lambda driver: feature_problem(driver, observed, commanded),
            params.link,
            period_ns=period_ns,
            now_ns=self.context.now_ns,
            log=self.log,
            stop=stop,
            reads_only=params.dry_run,
        )
        return self._link

    def on_prepare(self) -> None:
        """Start the driver's process, if it has one, and make the environment."""
        start_process(self.params.driver, self.params.driver_params, self.params.link)
        super().on_prepare()

    def on_start(self) -> None:
        """Connect, and begin to tick."""
        sys.setswitchinterval(SWITCH_S)
        super().on_start()

    def on_stop(self) -> None:
        """Park, switch the torque off if the robot is parked and ``torque_off`` is set, and disconnect."""
        self._come_to_rest("park", "the launch ends")
        super().on_stop()

    def on_failure(self, problem: str) -> None:
        """Handle an error of the plant: park, hold, or switch the torque off, as ``on_fault`` says; then disconnect."""
        self._come_to_rest(self.params.on_fault, problem)
        self._close(problem)

    def _come_to_rest(self, how: Literal["park", "hold", "torque_off"], reason: str) -> None:
        """Bring the robot to rest, within the time that a node has to stop."""
        own_s = max(0.0, self.context.launch_context.stop_s - CLOSE_S - REST_S)
        parked = False
        try:
            if how == "park":
                parked = self._park(reason, self.now_ns + round(own_s * 1e9))
            else:
                self._control.stay(reason, self.now_ns)
            self._tick_until(lambda: not self._control.safety.velocity.any(), self.now_ns + HOLD_NS)
        except NodeError as error:  # the device failed
            self.log.warning("the robot could not be brought to rest: %s", error)
        off = how == "torque_off" or (parked and self.params.torque_off)
        problem = off and self._torque_problem()
        if problem:
            self.log.warning("the torque could not be switched off: %s", problem)
        self.log.info(
            "the robot is %s, its torque %s",
            "parked" if parked else "left where it is",
            "was switched off" if off and self._link.torque is False else "is as it was",
        )

    def _torque_problem(self) -> str:
        """Switch the torque off. Return why this failed; empty if it succeeded.

        The text is also empty if the driver cannot switch the torque, and with ``dry_run``.
        """
        link = self._link
        link.set_torque(False)
        done = self._tick_until(link.is_idle, self.now_ns + HOLD_NS, sends=False)
        if done and link.health.state == "up":
            return ""
        return link.trouble or "the driver does not answer"

    def _park(self, reason: str, deadline_ns: int) -> bool:
        """Move to the park pose. Return whether the robot has reached the pose, by its readings."""
        joints = self.params.joints.values()
        if (
            self.params.command != "position"
            or self.params.dry_run
            or all(joint.park is None for joint in joints)
        ):
            self._control.stay(reason, self.now_ns)
            return False
        pose = np.array([math.nan if joint.park is None else joint.park for joint in joints])
        self._control.go_to(pose, f"parking: {reason}", self.now_ns)
        ended = self._tick_until(lambda: not self._control.is_homing, deadline_ns)
        away = self._control.missed() if self._link.health.state == "up" else ""
        if ended and not away:
            return True
        self._control.stay(f"not parked: {reason}", self.now_ns)
        self.log.warning("the park pose was not reached%s", away and f": {away}")
        return False

    def _tick_until(self, done: Callable[[], bool], deadline_ns: int, *, sends: bool = True) -> bool:
        """Tick until ``done`` returns True, then return True. Return False after an emergency stop, a fault, or at the deadline.

        With ``sends=False`` no command is sent, and ticks continue after an emergency stop.
        """
        pause, period_s = threading.Event(), period_ns(self.params.rate_hz) / 1e9
        control = self._control
        while not done():
            self._attend_to_estop()
            now_ns = self.now_ns
            if (sends and control.stopped_by) or now_ns > deadline_ns or self._link.health.state != "up":
                return False
            control.attend(now_ns)
            if sends:
                control.tick(None, None, now_ns)
            pause.wait(period_s)
        return True
