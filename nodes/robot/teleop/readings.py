"""Checks what a teleoperation device returns: mistakes raise errors; readings that must not become commands are refused and counted."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.robot.teleop.device import Gives, OperatorInput

END = 1.001
"""Largest speed that is accepted without a warning. A stick at its end may give slightly more than 1."""
NOTHING = "nothing was read"


class Readings:
    """Checks the readings of one teleoperation device.

    Args:
        device: the name of the device.
        gives: whether the device's values are positions or speeds.
        joints: the robot's joints.
        stale_ns: age beyond which a reading is refused.
        log: for each reason, receives a warning about the first refused reading.
    """

    def __init__(
        self,
        device: str,
        gives: Gives,
        joints: tuple[str, ...],
        stale_ns: int,
        log: logging.Logger,
    ) -> None:
        self._device, self._gives = device, gives
        self._joints = joints
        self._stale_ns = stale_ns
        self._log = log
        self._was_there = False
        self._trouble = NOTHING
        self._refused: Counter[str] = Counter()
        self._beyond = 0

    def checked(self, reading: object, trouble: str) -> OperatorInput | None:
        """Check the types and joints of a reading, and return it; None if the device cannot be read.

        Args:
            reading: what ``Device.read`` returned.
            trouble: why the device cannot be read; empty if it can be read.

        Raises:
            NodeError: ``reading`` is not an ``OperatorInput``, has a part of a wrong type, or names joints that the robot
                does not have.
        """
        self._trouble = trouble or (NOTHING if reading is None else "")
        if reading is None:
            return None
        self._was_there |= not trouble
        if not isinstance(reading, OperatorInput):
            raise self._error(
                f"read() returned a {type(reading).__name__}",
                "return an OperatorInput, or None if the device cannot be read",
            )
        if type(reading.captured_ns) is not int:
            raise self._error(
                f"captured_ns is {reading.captured_ns!r:.60}", "give whole ns: context.now_ns()"
            )
        if not isinstance(reading.values, Mapping):
            raise self._error(
                f"values is a {type(reading.values).__name__}", "give a mapping from joint names to numbers"
            )
        if unknown := [str(name) for name in reading.values if name not in self._joints]:
            raise self._error(
                f"the robot has no joint {', '.join(unknown)}", f"the joints are {', '.join(self._joints)}"
            )
        for name, value in reading.values.items():
            if not isinstance(value, int | float | np.integer | np.floating):
                raise self._error(f"the value of {name} is {value!r:.60}", "give a number for each joint")
        return reading

    def may_command(self, asked: OperatorInput, now_ns: int) -> bool:
        """Return whether a reading may become a command: it is recent, finite and not from the future. Else count it as refused."""
        age_ns = now_ns - asked.captured_ns
        odd = [name for name, value in asked.values.items() if not math.isfinite(value)]
        if odd:
            return self._refuse("not finite", f"{odd[0]} is {asked.values[odd[0]]}")
        if age_ns > self._stale_ns:
            return self._refuse("too old", f"it was read {age_ns / 1e6:,.0f} ms ago")
        if age_ns < 0:
            return self._refuse("from the future", f"it was read {-age_ns / 1e6:,.0f} ms from now")
        if self._gives == "speeds":
            self._count_beyond(asked)
        return True

    def result(self) -> dict[str, Any]:
        """Return two counts: ``refused``, the refused readings by reason, and ``beyond``, the readings with speeds beyond −1 to 1.

        Counts of 0 are left out. Each count causes a warning in the list ``warnings``. A device that could be read earlier, but not
        at the end, causes a warning too.
        """
        found: dict[str, Any] = {"refused": dict(self._refused)} if self._refused else {}
        warnings = [
            f"{count:,} readings of the device were {reason}" for reason, count in self._refused.items()
        ]
        if self._beyond:
            found["beyond"] = self._beyond
            warnings.append(f"{self._beyond:,} readings held speeds beyond −1 to 1, taken as the end")
        if self._was_there and self._trouble:
            warnings.append(f"the device was not there at the end: {self._trouble}")
        return {**found, "warnings": warnings} if warnings else found

    def failure(self) -> str:
        """Return why the device could never be read; empty if it was read at least once."""
        return "" if self._was_there else f"device {self._device!r} could never be read: {self._trouble}"

    def _count_beyond(self, asked: OperatorInput) -> None:
        beyond = [name for name, value in asked.values.items() if abs(value) > END]
        if beyond and not self._beyond:
            self._log.warning(
                "the speed of %s is %g, beyond −1 to 1. hint: gives = 'positions' if these are positions",
                beyond[0],
                asked.values[beyond[0]],
            )
        self._beyond += bool(beyond)

    def _refuse(self, reason: str, found: str) -> bool:
        if not self._refused[reason]:
            self._log.warning(
                "a reading of the device is %s and ignored: %s; further ones are only counted", reason, found
            )
        self._refused[reason] += 1
        return False

    def _error(self, found: str, hint: str) -> NodeError:
        return NodeError(f"a reading of the device {self._device!r} is wrong: {found}", hint=hint)
