"""The driver of an SO-100 or SO-101 arm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.robot.cameras import Cameras, camera_params, shapes_of
from rtgraph.nodes.robot.driver import Feature, Reading
from rtgraph.nodes.robot.servo.bus import TIMEOUT_S, TRIES, ServoBus
from rtgraph.nodes.robot.servo.calibration import Calibration, Units
from rtgraph.nodes.robot.servo.joints import JOINTS, read_calibration
from rtgraph.nodes.robot.servo.registers import (
    GOAL_POSITION,
    OPERATING_MODE,
    POSITION_MODE,
    PRESENT_LOAD,
    PRESENT_POSITION,
    PRESENT_VELOCITY,
    TORQUE_ENABLE,
)

OBSERVED = ("pos", "vel", "load")
"""The observed features of each joint: position, velocity in units per second, and load in percent of the maximum torque."""


class ServoArm:
    """Drives an arm of STS3215 servos.

    Only goals, and torque on or off, are written to the servos. When the torque of a joint is switched on, the joint
    holds its position.

    Args:
        port: the serial port, such as ``/dev/ttyACM0``.
        calibration: a calibration file in LeRobot's format; None to use the servos' own calibration.
        units: ``degrees`` from the middle of a joint's range, or ``normalized``, from −100 to 100. The gripper is
            from 0 to 100 in either unit.
        timeout_s: maximum wait for the reply of a servo.
        tries: maximum number of times that a request is sent.
        cameras: the parameters of each camera in the observation, by name: ``{wrist: {source: 0, size: [84, 84]}}``.
    """

    isolated = False  # it waits in calls of the system, and computes little

    def __init__(
        self,
        port: str,
        calibration: str | None = None,
        units: Units = "degrees",
        timeout_s: float = TIMEOUT_S,
        tries: int = TRIES,
        cameras: Mapping[str, object] | None = None,
    ) -> None:
        self._port, self._units = port, units
        self._file = None if calibration is None else Path(calibration).expanduser()
        self._timeout_s, self._tries = timeout_s, tries
        self._cameras = Cameras(cameras)
        self._bus: ServoBus | None = None
        self._calibration: Calibration | None = None

    @classmethod
    def check(cls, cameras: Mapping[str, object] | None = None, **_: object) -> None:
        """Check the parameters of the cameras. Nothing is opened."""
        camera_params(cameras)

    @classmethod
    def joint_names(cls, port: str, calibration: str | None = None, **_: object) -> tuple[str, ...]:
        """Return the names of the joints in the calibration file; without a file, those of an SO-101. The port is not opened."""
        return tuple(
            JOINTS if calibration is None else Calibration.read(Path(calibration).expanduser()).joints
        )

    @classmethod
    def camera_shapes(
        cls, cameras: Mapping[str, object] | None = None, **_: object
    ) -> dict[str, tuple[int, int, int]]:
        """Return the height, width and channels of each camera's pictures."""
        return shapes_of(camera_params(cameras))

    @property
    def is_connected(self) -> bool:
        """Whether the port is open."""
        return self._bus is not None

    @property
    def observation_features(self) -> Mapping[str, Feature]:
        """The features of an observation: position, velocity and load of each joint, and the pictures of the cameras."""
        numbers = {f"{name}.{what}": float for what in OBSERVED for name in self._names()}
        return {**numbers, **self._cameras.features}

    @property
    def action_features(self) -> Mapping[str, Feature]:
        """The features of an action: the goal position of each joint."""
        return {f"{name}.pos": float for name in self._names()}

    def connect(self) -> None:
        """Open the port and the cameras, and check the servos against the calibration. Nothing is written.

        Raises:
            RobotError: the arm or a camera does not answer, the arm is not calibrated, its calibration differs from the
                file, a servo is not in the position mode, or the port or the file cannot be opened.
        """
        expected = None if self._file is None else Calibration.read(self._file)
        bus = ServoBus(self._port, timeout_s=self._timeout_s, tries=self._tries)
        try:
            self._calibration = self._check(bus, expected)
            self._cameras.connect()
        except RobotError:
            bus.close()
            raise
        self._bus = bus

    def disconnect(self) -> None:
        """Close the port and the cameras. The torque stays as it is."""
        self._cameras.disconnect()
        bus, self._bus = self._bus, None
        if bus is not None:
            bus.close()

    def get_observation(self) -> dict[str, Reading]:
        """Read position, velocity and load of all joints with one request. Return them with the newest picture of each camera."""
        bus, calibration = self._connected()
        read = bus.sync_read(self._ids(), (PRESENT_POSITION, PRESENT_VELOCITY, PRESENT_LOAD))
        found: dict[str, Reading] = {}
        for name, joint in calibration.joints.items():
            position, velocity, load = read[joint.id]
            found[f"{name}.pos"] = calibration.to_units(name, position, self._units)
            found[f"{name}.vel"] = velocity * calibration.per_tick(name, self._units)
            found[f"{name}.load"] = load / 10
        return found | self._cameras.read()

    def ages_ns(self) -> dict[str, int]:
        """Return the age of each camera's newest picture: the time since its capture, in ns."""
        return self._cameras.ages_ns()

    def send_action(self, action: dict[str, float]) -> dict[str, Reading]:
        """Send goal positions, clipped to the joints' ranges. The servos do not acknowledge them.

        Returns:
            The goals that were sent.
        """
        bus, calibration = self._connected()
        goals: dict[int, int] = {}
        sent: dict[str, Reading] = {}
        for feature, value in action.items():
            name = feature.removesuffix(".pos")
            if name not in calibration.joints:
                raise RobotError(f"the arm at {self._port} has no joint {name!r}")
            ticks = calibration.to_ticks(name, value, self._units)
            goals[calibration.joints[name].id] = ticks
            sent[feature] = calibration.to_units(name, ticks, self._units)
        bus.sync_write(GOAL_POSITION, goals)
        return sent

    def set_torque(self, on: bool) -> None:
        """Switch the torque of all joints on or off."""
        bus, _ = self._connected()
        set_torque(bus, self._ids(), on=on)

    def _check(self, bus: ServoBus, expected: Calibration | None) -> Calibration:
        joints = JOINTS if expected is None else {name: joint.id for name, joint in expected.joints.items()}
        held = read_calibration(bus, joints)
        for name, servo in joints.items():
            if (mode := bus.read(servo, OPERATING_MODE)) != POSITION_MODE:
                raise RobotError(
                    f"servo {servo} ({name}) is in operating mode {mode}, not in {POSITION_MODE}, the position mode"
                )
        if expected is None:
            return held
        for name, joint in expected.joints.items():
            here = held.joints[name]
            if (here.homing_offset, here.range_min, here.range_max) != (
                joint.homing_offset,
                joint.range_min,
                joint.range_max,
            ):
                raise RobotError(
                    f"{self._file} is not the calibration of the arm at {self._port}: joint {name} differs",
                    hint=f"write the file's calibration to the servos: rtgraph robot calibrate --port {self._port} --file {self._file} --restore",
                )
        return expected

    def _names(self) -> Iterable[str]:
        return JOINTS if self._calibration is None else self._calibration.joints

    def _ids(self) -> list[int]:
        return [joint.id for joint in self._connected()[1].joints.values()]

    def _connected(self) -> tuple[ServoBus, Calibration]:
        if self._bus is None or self._calibration is None:
            raise RobotError(f"the arm at {self._port} is not connected")
        return self._bus, self._calibration


def set_torque(bus: ServoBus, servos: Iterable[int], *, on: bool) -> None:
    """Switch the torque of servos on or off.

    Before a servo gets torque, its present position becomes its goal, so that the servo holds still.

    Raises:
        RobotError: a servo does not answer. The other servos are switched.
    """
    failed: RobotError | None = None
    for servo in servos:
        try:
            if on and not bus.read(servo, TORQUE_ENABLE):
                bus.write(servo, GOAL_POSITION, bus.read(servo, PRESENT_POSITION))
            bus.write(servo, TORQUE_ENABLE, int(on))
        except RobotError as error:
            failed = error
    if failed is not None:
        raise failed
