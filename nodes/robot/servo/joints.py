"""The calibration and the state that the servos of an arm hold in their registers."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from rtgraph.msgs import Record
from rtgraph.msgs.errors import RobotError
from rtgraph.msgs.typed.strict import complaint
from rtgraph.nodes.robot.servo.bus import ServoBus
from rtgraph.nodes.robot.servo.calibration import GRIPPER, Calibration, JointCalibration
from rtgraph.nodes.robot.servo.registers import (
    GOAL_POSITION,
    HOMING_OFFSET,
    MAX_POSITION,
    MIN_POSITION,
    PRESENT_LOAD,
    PRESENT_POSITION,
    PRESENT_VELOCITY,
    TEMPERATURE,
    TICKS,
    TORQUE_ENABLE,
    VOLTAGE,
    Register,
)

JOINTS: Mapping[str, int] = {
    "shoulder_pan": 1,
    "shoulder_lift": 2,
    "elbow_flex": 3,
    "wrist_flex": 4,
    "wrist_roll": 5,
    GRIPPER: 6,
}
"""The ids of the servos of an SO-100 or SO-101 arm, by joint."""
ENDLESS = frozenset({"wrist_roll"})
"""The joints that may turn without end."""


class ServoState(Record):
    """The state of one servo. Positions, offset and range are in encoder ticks, ``voltage`` is in volts."""

    joint: str
    id: int
    position: int
    goal: int
    torque: bool
    velocity: int
    """Velocity in encoder positions per second."""
    load_percent: float
    voltage: float
    temperature: int
    """Temperature in degrees Celsius."""
    homing_offset: int
    range_min: int
    range_max: int


def read_states(bus: ServoBus, joints: Mapping[str, int]) -> list[ServoState]:
    """Return the state of each servo, in the order of ``joints``.

    Args:
        bus: the bus of the servos.
        joints: the servos' ids by the names of their joints.
    """
    ids = list(joints.values())
    now = bus.sync_read(ids, (PRESENT_POSITION, PRESENT_VELOCITY, PRESENT_LOAD, VOLTAGE, TEMPERATURE))
    torque = bus.sync_read(ids, (TORQUE_ENABLE, GOAL_POSITION))
    held = read_kept(bus, joints)
    return [
        ServoState(
            joint=name,
            id=servo,
            position=now[servo][0],
            goal=torque[servo][1],
            torque=bool(torque[servo][0]),
            velocity=now[servo][1],
            load_percent=now[servo][2] / 10,
            voltage=now[servo][3] / 10,
            temperature=now[servo][4],
            homing_offset=held.joints[name].homing_offset,
            range_min=held.joints[name].range_min,
            range_max=held.joints[name].range_max,
        )
        for name, servo in joints.items()
    ]


def read_kept(bus: ServoBus, joints: Mapping[str, int]) -> Calibration:
    """Return the values that the servos store as their calibration. A servo that was never calibrated stores values, too.

    Raises:
        RobotError: a register of a servo has a value that no calibration has.
    """
    ids = list(joints.values())
    ranges = bus.sync_read(ids, (MIN_POSITION, MAX_POSITION))
    offsets = bus.sync_read(ids, (HOMING_OFFSET,))
    found = {}
    for name, servo in joints.items():
        low, high = ranges[servo]
        held = {"id": servo, "homing_offset": offsets[servo][0], "range_min": low, "range_max": high}
        try:
            found[name] = JointCalibration(drive_mode=0, **held)
        except ValidationError as error:
            first = error.errors()[0]
            raise RobotError(
                f"servo {servo} ({name}) on {bus.path} stores no valid calibration: {first['loc'][0]}: {complaint(first)[0]}",
                hint=f"write a calibration file to the servos: rtgraph robot calibrate --port {bus.path} --file arm.json --restore",
            ) from error
    return Calibration(found)


def read_calibration(bus: ServoBus, joints: Mapping[str, int]) -> Calibration:
    """Check the calibration that the servos store, and return it.

    Raises:
        RobotError: the servos are not calibrated.
    """
    found = read_kept(bus, joints)
    whole = [
        name
        for name, joint in found.joints.items()
        if name not in ENDLESS and joint.range_max - joint.range_min >= TICKS - 1
    ]
    if problem := found.problem() or (f"{', '.join(whole)} may turn all the way round" if whole else ""):
        raise RobotError(
            f"the arm at {bus.path} is not calibrated: {problem}",
            hint=f"calibrate the arm: rtgraph robot calibrate --port {bus.path} --file arm.json",
        )
    return found


def write_calibration(bus: ServoBus, calibration: Calibration) -> None:
    """Write a calibration to the servos. The torque of the servos is switched off first."""
    for joint in calibration.joints.values():
        bus.write(joint.id, TORQUE_ENABLE, 0)
    for joint in calibration.joints.values():
        kept: dict[Register, int] = {
            HOMING_OFFSET: joint.homing_offset,
            MIN_POSITION: joint.range_min,
            MAX_POSITION: joint.range_max,
        }
        bus.write_kept(joint.id, kept)
