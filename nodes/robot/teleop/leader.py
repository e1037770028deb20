"""A leader arm: a second SO-100 or SO-101. A person moves it by hand, and the robot follows."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, get_args

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.robot.connection.link import Link
from rtgraph.nodes.robot.connection.link_params import LinkParams
from rtgraph.nodes.robot.connection.serial_port import pyserial
from rtgraph.nodes.robot.driver import Feature, feature_problem
from rtgraph.nodes.robot.servo.arm import ServoArm
from rtgraph.nodes.robot.servo.calibration import Calibration, Units
from rtgraph.nodes.robot.teleop.device import DeviceContext, Gives, OperatorInput
from rtgraph.nodes.runtime.clock import period_ns

CLOSE_S = 0.5


class LimpArm(ServoArm):
    """An arm of servos without torque, which a person can move by hand."""

    def connect(self) -> None:
        """Open the port, check the servos, and switch the torque of the servos off."""
        super().connect()
        self.set_torque(on=False)


class LeaderArm:
    """Returns the positions of a leader arm. A thread reads the arm, and connects again after a fault.

    Args:
        context: the robot's joints and rate, the clock and the log.
        port: the serial port of the leader arm.
        calibration: the calibration file of the leader arm; None to use the calibration that its servos store.
        units: the units of the robot's positions, ``degrees`` or ``normalized``.
    """

    gives: ClassVar[Gives] = "positions"
    realtime_only: ClassVar[bool] = True

    def __init__(
        self, context: DeviceContext, port: str, calibration: str | None = None, units: Units = "degrees"
    ) -> None:
        self._context = context
        self._features: dict[str, Feature] = {f"{joint}.pos": float for joint in context.joints}
        self._link = Link(
            lambda: LimpArm(port, calibration, units),
            lambda driver: feature_problem(driver, self._features, frozenset(self._features)),
            LinkParams(),
            period_ns=period_ns(context.rate_hz),
            now_ns=context.now_ns,
            log=context.log,
            reads_only=True,
        )
        self._link.start(context.now_ns())

    @classmethod
    def check(cls, port: str, calibration: str | None = None, units: str = "degrees") -> None:
        """Check that pyserial is installed, and check the units and the calibration file. The port is not opened.

        Raises:
            MissingPackage, NodeError, RobotError: the check fails.
        """
        del port
        pyserial()
        if units not in get_args(Units):
            raise NodeError(f"unknown units {units!r}", hint=f"use {' or '.join(get_args(Units))}")
        if calibration is not None:
            Calibration.read(Path(calibration).expanduser())

    @property
    def trouble(self) -> str:
        """The reason why the arm is not connected; empty if it is connected."""
        health = self._link.health
        return "" if health.state == "up" else self._link.last_fault or health.reason

    def read(self) -> OperatorInput | None:
        """Return the newest positions of the joints; None while the arm is not connected."""
        link = self._link
        link.attend(self._context.now_ns())
        sample = link.newest()
        if sample is None or link.health.state != "up":
            return None
        values = {name.removesuffix(".pos"): float(sample.values[name]) for name in self._features}
        return OperatorInput(sample.captured_ns, values=values)

    def close(self) -> None:
        """Disconnect the arm. Its torque stays off."""
        self._link.close(CLOSE_S)
