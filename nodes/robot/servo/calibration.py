"""The calibration of an arm, in the file format of LeRobot, and the units of its joints.

A file holds one JSON object per joint: ``id``, ``drive_mode`` (1 if normalised positions are reversed),
``homing_offset``, ``range_min`` and ``range_max``. A servo's position is the position of its encoder minus the offset.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, RootModel, ValidationError

from rtgraph.msgs import Record
from rtgraph.msgs.atomic import write_atomically
from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.robot.servo.packets import MOST_ID
from rtgraph.nodes.robot.servo.registers import TICKS

Units = Literal["degrees", "normalized"]
GRIPPER = "gripper"
"""The joint with positions from 0 to 100 percent of its range. This holds for any choice of ``units``."""
MOST_OFFSET = 2047


class JointCalibration(Record):
    """The calibration of one joint."""

    id: int = Field(ge=0, le=MOST_ID)
    drive_mode: int = Field(ge=0, le=1)
    homing_offset: int = Field(ge=-MOST_OFFSET, le=MOST_OFFSET)
    range_min: int = Field(ge=0, lt=TICKS)
    range_max: int = Field(ge=0, lt=TICKS)


class _File(RootModel[dict[str, JointCalibration]]):
    pass


class Calibration:
    """The calibration of all joints of an arm, by name."""

    def __init__(self, joints: Mapping[str, JointCalibration]) -> None:
        self.joints = dict(joints)

    @classmethod
    def read(cls, path: Path) -> Calibration:
        """Read a calibration file.

        Raises:
            RobotError: the file is missing or invalid.
        """
        try:
            joints = _File.model_validate_json(path.read_text(encoding="utf-8")).root
        except OSError as error:
            raise RobotError(
                f"{path}: the calibration cannot be read: {error.strerror}",
                hint="calibrate the arm: rtgraph robot calibrate --port PORT --file FILE",
            ) from error
        except (ValidationError, ValueError) as error:
            raise RobotError(
                f"{path}: the file is not a calibration: {_first(error)}", hint="calibrate the arm again"
            ) from error
        found = cls(joints)
        if problem := found.problem():
            raise RobotError(f"{path}: {problem}", hint="calibrate the arm again")
        return found

    def write(self, path: Path) -> None:
        """Write a calibration file atomically."""
        text = json.dumps({name: joint.model_dump() for name, joint in self.joints.items()}, indent=4)
        write_atomically(path, text + "\n", RobotError)

    def problem(self) -> str:
        """Return why the calibration is invalid; empty if it is valid."""
        if not self.joints:
            return "there are no joints"
        for name, joint in self.joints.items():
            if joint.range_min >= joint.range_max:
                return f"{name}: range_min {joint.range_min} is not below range_max {joint.range_max}"
        by_id: dict[int, str] = {}
        for name, joint in self.joints.items():
            if (other := by_id.setdefault(joint.id, name)) != name:
                return f"the joints {other} and {name} have the same id, {joint.id}"
        return ""

    def to_units(self, name: str, ticks: int, units: Units) -> float:
        """Return a joint's position. In ``degrees``, it is the angle from the middle of the joint's range.

        In ``normalized`` units, it is a number from −100 to 100 over the joint's range. The position of the gripper is always a
        number from 0 to 100.
        """
        joint = self.joints[name]
        if units == "degrees" and name != GRIPPER:
            return (ticks - (joint.range_min + joint.range_max) / 2) * 360 / (TICKS - 1)
        bounded = min(max(ticks, joint.range_min), joint.range_max)
        share = (bounded - joint.range_min) / (joint.range_max - joint.range_min)
        share = 1 - share if joint.drive_mode else share
        return 100 * share if name == GRIPPER else 200 * share - 100

    def to_ticks(self, name: str, value: float, units: Units) -> int:
        """Return the position in encoder ticks for a position in the joint's unit, clipped to the joint's range."""
        joint = self.joints[name]
        if units == "degrees" and name != GRIPPER:
            ticks = value * (TICKS - 1) / 360 + (joint.range_min + joint.range_max) / 2
        else:
            share = value / 100 if name == GRIPPER else (value + 100) / 200
            share = 1 - share if joint.drive_mode else share
            ticks = joint.range_min + share * (joint.range_max - joint.range_min)
        return min(max(round(ticks), joint.range_min), joint.range_max)

    def per_tick(self, name: str, units: Units) -> float:
        """Return the size of one encoder tick in the joint's unit; negative if ``drive_mode`` reverses positions in this unit."""
        joint = self.joints[name]
        if units == "degrees" and name != GRIPPER:
            return 360 / (TICKS - 1)
        whole = 100 if name == GRIPPER else 200
        return (-whole if joint.drive_mode else whole) / (joint.range_max - joint.range_min)


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        found = error.errors()[0]
        return ": ".join([*map(str, found["loc"]), found["msg"]])
    return str(error)
