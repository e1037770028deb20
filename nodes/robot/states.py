"""The states of a robot and the transitions between them.

========== =====================================================================================================
connecting no device yet, or a new driver is being made after a fault
homing     the plant moves the robot slowly by itself: a physical reset, or the way to the park pose
holding    the robot stands still and waits for a command
running    commands of the policy, or of a person, are sent
stale      no valid command for too long, or the device is silent: the robot stands still
fault      the device failed; a new driver follows after a pause
stopped    an emergency stop is active, or the plant has ended: nothing but the stop is sent
========== =====================================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.plant import RobotStateName

STATES: tuple[RobotStateName, ...] = get_args(RobotStateName)
ALWAYS: frozenset[RobotStateName] = frozenset({"fault", "stopped"})
"""States that may follow any other state."""
TRANSITIONS: Mapping[RobotStateName, frozenset[RobotStateName]] = {
    "connecting": frozenset({"holding"}),
    "homing": frozenset({"holding", "stale"}),
    "holding": frozenset({"homing", "running", "stale"}),
    "running": frozenset({"homing", "holding", "stale"}),
    "stale": frozenset({"homing", "holding", "running"}),
    "fault": frozenset({"connecting"}),
    "stopped": frozenset({"holding", "connecting"}),
}


class States:
    """The present state of a robot, its reason and start time, and the time spent in each state."""

    def __init__(self, now_ns: int) -> None:
        self.state: RobotStateName = "connecting"
        self.reason = ""
        self.since_ns = now_ns
        self.changes = 0
        """Number of changes so far, of the state or of its reason."""
        self._spent_ns: dict[RobotStateName, int] = {}

    def enter(self, state: RobotStateName, reason: str, now_ns: int) -> None:
        """Enter a state, or change the reason of the present state.

        Raises:
            NodeError: this state may not follow the present state.
        """
        if (state, reason) == (self.state, self.reason):
            return
        if state != self.state and state not in TRANSITIONS[self.state] | ALWAYS:
            raise NodeError(f"a robot cannot go from {self.state} to {state}")
        self.changes += 1
        self.reason = reason
        if state == self.state:
            return
        self._spent_ns[self.state] = self._spent_ns.get(self.state, 0) + now_ns - self.since_ns
        self.state, self.since_ns = state, now_ns

    def time_s(self, now_ns: int) -> dict[str, float]:
        """Return the time spent so far in each state that occurred, in seconds."""
        spent = self._spent_ns | {
            self.state: self._spent_ns.get(self.state, 0) + max(0, now_ns - self.since_ns)
        }
        return {state: round(spent[state] / 1e9, 3) for state in STATES if state in spent}
