"""Calibration of an arm by hand: an operator moves each joint to the middle of its range, then through the whole range.

The joints of ``ENDLESS`` need not be moved through their range.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.robot.servo.arm import set_torque
from rtgraph.nodes.robot.servo.bus import ServoBus
from rtgraph.nodes.robot.servo.calibration import MOST_OFFSET, Calibration, JointCalibration
from rtgraph.nodes.robot.servo.joints import ENDLESS, read_kept, write_calibration
from rtgraph.nodes.robot.servo.registers import MIDDLE, PRESENT_POSITION, TICKS

LEAST_RANGE = 200
"""Minimum range of a joint, in encoder ticks: about 18 degrees."""
JUMP = TICKS // 2
"""Half a turn, in encoder ticks. A larger change between two readings means that the joint passed the end of its encoder."""

MIDDLE_TEXT = "Move every joint to the middle of its range, then press Enter."
RANGE_TEXT = "Move every joint but {endless} through its whole range, then press Enter."


class Operator(Protocol):
    """The person who moves the joints."""

    def wait(self, text: str, attend: Callable[[], str]) -> None:
        """Show an instruction, and wait until the operator has followed it.

        Args:
            text: the instruction.
            attend: called repeatedly during the wait; returns a line of text to show, such as the joints not yet moved.

        Raises:
            RobotError: the operator has cancelled.
        """
        ...


class Ranges:
    """The smallest and largest observed positions of joints."""

    def __init__(self, bus: ServoBus, joints: Mapping[str, int]) -> None:
        self._bus, self._joints = bus, joints
        first = self._read()
        self.low, self.high, self._last = dict(first), dict(first), first
        self.passed: set[str] = set()
        """The joints that have passed the end of their encoders."""

    def look(self) -> str:
        """Read all positions. Return as text which joints have not been moved enough, or that all were moved."""
        for name, position in self._read().items():
            if abs(position - self._last[name]) > JUMP:
                self.passed.add(name)
            self._last[name] = position
            self.low[name] = min(self.low[name], position)
            self.high[name] = max(self.high[name], position)
        wanted = [name for name in self._joints if name not in ENDLESS]
        missing = [name for name in wanted if self.high[name] - self.low[name] < LEAST_RANGE]
        return f"not moved yet: {', '.join(missing)}" if missing else "all joints were moved"

    def problem(self) -> str:
        """Return why the ranges are invalid; empty if they are valid."""
        for name in self._joints:
            if name in ENDLESS:
                continue
            low, high = self.low[name], self.high[name]
            if name in self.passed or low < 0 or high >= TICKS:
                return (
                    f"joint {name} passed the end of its encoder: it did not start in the middle of its range"
                )
            if high - low < LEAST_RANGE:
                return f"joint {name} was moved by only {(high - low) * 360 / TICKS:.0f} degrees"
            if not low < MIDDLE < high:
                return f"joint {name} did not start within its range"
        return ""

    def _read(self) -> dict[str, int]:
        read = self._bus.sync_read(list(self._joints.values()), (PRESENT_POSITION,))
        return {name: read[servo][0] for name, servo in self._joints.items()}


def calibrate(bus: ServoBus, joints: Mapping[str, int], operator: Operator) -> Calibration:
    """Calibrate an arm, and write the calibration to its servos. The torque is switched off.

    Args:
        bus: the arm's bus.
        joints: the servos' ids by the names of their joints.
        operator: the person who moves the joints.

    Raises:
        RobotError: the operator has cancelled, a joint is at the end of its encoder, or the ranges are invalid. The old
            calibration is then written back to the servos.
    """
    before = read_kept(bus, joints)
    set_torque(bus, joints.values(), on=False)
    try:
        made = _measure(bus, joints, operator)
    except BaseException:  # also Ctrl-C: restore the old calibration
        write_calibration(bus, before)
        raise
    write_calibration(bus, made)
    return made


def _measure(bus: ServoBus, joints: Mapping[str, int], operator: Operator) -> Calibration:
    write_calibration(bus, _whole(joints, dict.fromkeys(joints, 0)))
    operator.wait(MIDDLE_TEXT, lambda: "")
    read = bus.sync_read(list(joints.values()), (PRESENT_POSITION,))
    offsets = {name: read[servo][0] - MIDDLE for name, servo in joints.items()}
    if far := [name for name, offset in offsets.items() if abs(offset) > MOST_OFFSET]:
        raise RobotError(
            f"joint {far[0]} is at the end of its encoder",
            hint="move this joint by one degree, or mount its horn half a turn further",
        )
    write_calibration(bus, _whole(joints, offsets))
    ranges = Ranges(bus, joints)
    operator.wait(
        RANGE_TEXT.format(endless=", ".join(sorted(ENDLESS & joints.keys())) or "none"), ranges.look
    )
    ranges.look()
    if problem := ranges.problem():
        raise RobotError(problem, hint="calibrate again; the servos keep their old calibration")
    return Calibration(
        {
            name: joint
            if name in ENDLESS
            else joint.model_copy(update={"range_min": ranges.low[name], "range_max": ranges.high[name]})
            for name, joint in _whole(joints, offsets).joints.items()
        }
    )


def _whole(joints: Mapping[str, int], offsets: Mapping[str, int]) -> Calibration:
    """Return a calibration in which the range of each joint is a whole turn."""
    return Calibration(
        {
            name: JointCalibration(
                id=servo, drive_mode=0, homing_offset=offsets[name], range_min=0, range_max=TICKS - 1
            )
            for name, servo in joints.items()
        }
    )
