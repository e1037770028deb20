"""Adapts a robot of LeRobot to the interface of drivers. This code runs in the driver's process.

Three things differ from LeRobot. First, calibration never prompts at a terminal.

Second, connecting writes nothing to motors, if the robot or its arms keep them in an attribute ``bus``. Without the adapter,
LeRobot switches the torque off, configures the motors and switches the torque on, so an arm sags, then jumps to its last
goal. The adapter configures an arm once, before it switches torque on, and only if no motor of the arm has torque. Motors
with torque stay as they are.

Third, each motor gets its present position as goal before its torque is switched on.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.robot.driver import Feature, Reading
from rtgraph.nodes.robot.lerobot.library import make_config, make_robot


class Adapter:
    """Adapts a ``Robot`` object of LeRobot to the methods of ``Driver``.

    Args:
        type: the robot's type name.
        constant: action features that the graph does not command, and their constant values.
        config: the robot's configuration.
    """

    def __init__(
        self,
        type: str,  # noqa: A002 - the name of LeRobot
        constant: Mapping[str, float] | None = None,
        **config: object,
    ) -> None:
        self._type, self._constant = type, dict(constant or {})
        self._robot: Any = make_robot(type, config)
        self._arms = [
            _Arm(owner) for owner in (self._robot, *vars(self._robot).values()) if _has_motors(owner)
        ]
        if self._arms:
            # Defined only for robots with known motors: a driver with this method can switch its torque.
            self.set_torque = self._set_torque

    @classmethod
    def check(
        cls,
        type: str,  # noqa: A002
        constant: Mapping[str, float] | None = None,
        **config: object,
    ) -> None:
        """Import the modules that a robot needs, and check its configuration.

        Raises:
            RobotError: LeRobot or a package that the type needs is not installed in this interpreter, LeRobot has no robot
                of this type, or the configuration is wrong.
        """
        make_config(type, config)

    @property
    def is_connected(self) -> bool:
        """Whether LeRobot reports the robot as connected."""
        return bool(self._robot.is_connected)

    @property
    def observation_features(self) -> Mapping[str, Feature]:
        """The features that the robot gives, numbers and pictures, with LeRobot's names."""
        return _features(self._robot.observation_features)

    @property
    def action_features(self) -> Mapping[str, Feature]:
        """The features that the graph commands: all features of the robot's action, except the constant features."""
        features = _features(self._robot.action_features)
        return {name: feature for name, feature in features.items() if name not in self._constant}

    def connect(self) -> None:
        """Connect to the robot.

        If the robot, or a part of it, has an attribute ``bus`` with motors, these motors are not configured here.

        Raises:
            RobotError: the robot is not calibrated, or ``constant`` names a feature that the robot's action does not
                have.
        """
        robot = self._robot
        for arm in self._arms:
            arm.put_off_configuring()
        if "calibrate" in inspect.signature(robot.connect).parameters:
            robot.connect(calibrate=False)
        else:
            robot.connect()
        if not robot.is_calibrated:
            file = Path(robot.calibration_fpath)
            problem = "its motors have other values" if file.is_file() else "the file does not exist"
            raise RobotError(
                f"the robot {self._type} {robot.id!r} is not calibrated with {file}: {problem}",
                hint="run lerobot-calibrate with the same type, port and id",
            )
        if missing := self._constant.keys() - self._robot.action_features.keys():
            raise RobotError(
                f"the parameter `constant` names {', '.join(sorted(missing))}; the robot {self._type} has no such action feature",
                hint="remove it from `constant`",
            )

    def disconnect(self) -> None:
        """Release the device."""
        with contextlib.suppress(Exception):
            if not self._robot.is_connected:
                return
        self._robot.disconnect()

    def get_observation(self) -> dict[str, Reading]:
        """Read the robot and its cameras."""
        values, features = self._robot.get_observation(), self.observation_features
        return {name: _reading(values[name]) for name in features if name in values}

    def send_action(self, action: dict[str, float]) -> dict[str, Reading]:
        """Send the goals in ``action``, and the constant values of the features that the graph does not command.

        Return the goals that LeRobot reports as sent. A goal that LeRobot does not report is returned as it was given.
        """
        sent = self._robot.send_action({**action, **self._constant})
        return {name: float(sent.get(name, value)) for name, value in action.items()}

    def _set_torque(self, on: bool) -> None:
        for arm in self._arms:
            arm.set_torque(on)


class _Arm:
    """A robot of LeRobot, or a part of one, with motors on its attribute ``bus``."""

    def __init__(self, owner: Any) -> None:
        self._owner, self._bus = owner, owner.bus
        self._configure = owner.configure
        self._configured = False

    def put_off_configuring(self) -> None:
        """Stop ``connect`` from configuring the motors."""
        self._owner.configure = lambda: None

    def set_torque(self, on: bool) -> None:
        bus = self._bus
        if not on:
            bus.disable_torque()
            return
        held = bus.sync_read("Torque_Enable", normalize=False)
        if not any(held.values()) and not self._configured:
            self._configure_without_torque()
        positions = bus.sync_read("Present_Position", normalize=False)
        for motor in [motor for motor, torque in held.items() if not torque]:
            bus.write("Goal_Position", motor, positions[motor], normalize=False)
            bus.enable_torque(motor)

    def _configure_without_torque(self) -> None:
        bus = self._bus
        bus.enable_torque = lambda *_, **__: None
        try:
            self._configure()
        finally:
            del bus.enable_torque
        self._configured = True


def _has_motors(owner: Any) -> bool:
    bus = getattr(owner, "bus", None)
    needed = ("sync_read", "write", "enable_torque", "disable_torque")
    return hasattr(owner, "configure") and all(callable(getattr(bus, name, None)) for name in needed)


def _features(features: Mapping[str, object]) -> dict[str, Feature]:
    return {name: tuple(kind) if isinstance(kind, tuple | list) else float for name, kind in features.items()}


def _reading(value: Any) -> Reading:
    array = np.asarray(value)
    return float(array) if array.ndim == 0 else array
