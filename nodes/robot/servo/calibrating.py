"""Calibrating an arm by hand: each joint to the middle of its range, then through all of it."""

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
"""Least number of positions that a joint must be moved through: 18 degrees."""
JUMP = TICKS // 2
"""A change from one reading to the next that only the passage over the end of the encoder makes."""

MIDDLE_TEXT = "Move every joint to the middle of its range, then press Enter."
RANGE_TEXT = "Move every joint but {endless} through its whole range, then press Enter."


class Person(Protocol):
    """The person who moves the joints."""

    def wait(self, text: str, attend: Callable[[], str]) -> None:
        """Show a text and wait until it is done.

        Args:
            text: what to do.
            attend: called again and again meanwhile; returns a line that shows the state.

        Raises:
            RobotError: it was given up.
        """
        ...


class Ranges:
    """The smallest and largest positions that joints were seen at."""

    def __init__(self, bus: ServoBus, joints: Mapping[str, int]) -> None:
        self._bus, self._joints = bus, joints
        first = self._read()
        self.low, self.high, self._last = dict(first), dict(first), first
        self.passed: set[str] = set()
        """The joints that passed over the end of the encoder."""

    def look(self) -> str:
        """Read all positions. Return how many joints were moved enough."""
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
        """Return why they cannot be the joints' ranges; empty if they can."""
        for name in self._joints:
            if name in ENDLESS:
                continue
            low, high = self.low[name], self.high[name]
            if name in self.passed or low < 0 or high >= TICKS:
                return f"{name} passed over the end of its encoder: it was not in the middle of its range at first"
            if high - low < LEAST_RANGE:
                return f"{name} was moved by {(high - low) * 360 / TICKS:.0f} degrees only"
            if not low < MIDDLE < high:
                return f"{name} was not within its range at first"
        return ""

    def _read(self) -> dict[str, int]:
        read = self._bus.sync_read(list(self._joints.values()), (PRESENT_POSITION,))
        return {name: read[servo][0] for name, servo in self._joints.items()}


def calibrate(bus: ServoBus, joints: Mapping[str, int], person: Person) -> Calibration:
    """Calibrate an arm, and write the calibration to its servos. The torque is switched off.

    Args:
        bus: the arm's bus.
        joints: the servos' ids by the names of their joints.
        person: who moves the joints.

    Raises:
        RobotError: it was given up, or the ranges are nonsense. The servos then hold what they held before.
    """
    before = read_kept(bus, joints)
    set_torque(bus, joints.values(), on=False)
    try:
        made = _measure(bus, joints, person)
    except BaseException:  # also Ctrl-C: half a calibration must not stay
        write_calibration(bus, before)
        raise
    write_calibration(bus, made)
    return made


def _measure(bus: ServoBus, joints: Mapping[str, int], person: Person) -> Calibration:
    write_calibration(bus, _whole(joints, dict.fromkeys(joints, 0)))
    person.wait(MIDDLE_TEXT, lambda: "")
    read = bus.sync_read(list(joints.values()), (PRESENT_POSITION,))
    offsets = {name: read[servo][0] - MIDDLE for name, servo in joints.items()}
    if far := [name for name, offset in offsets.items() if abs(offset) > MOST_OFFSET]:
        raise RobotError(
            f"{far[0]} is at the end of its encoder",
            hint="move it by a degree, or turn its horn by a half turn",
        )
    write_calibration(bus, _whole(joints, offsets))
    ranges = Ranges(bus, joints)
    person.wait(RANGE_TEXT.format(endless=", ".join(sorted(ENDLESS & joints.keys())) or "none"), ranges.look)
    ranges.look()
    if problem := ranges.problem():
        raise RobotError(problem, hint="calibrate again; nothing was changed")
    return Calibration(
        {
            name: joint
            if name in ENDLESS
            else joint.model_copy(update={"range_min": ranges.low[name], "range_max": ranges.high[name]})
            for name, joint in _whole(joints, offsets).joints.items()
        }
    )


def _whole(joints: Mapping[str, int], offsets: Mapping[str, int]) -> Calibration:
    """Return a calibration with the whole turn as range."""
    return Calibration(
        {
            name: JointCalibration(
                id=servo, drive_mode=0, homing_offset=offsets[name], range_min=0, range_max=TICKS - 1
            )
            for name, servo in joints.items()
        }
    )
