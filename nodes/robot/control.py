"""Controls a robot at each tick: its state, the safety rules, and the command that is sent.

The class ``Control`` has no clock and no thread. It knows no episodes and no messages, and sends commands to the device
by a ``Connection``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.robot.connection.connection import Connection
from rtgraph.nodes.robot.device_control import DeviceControl
from rtgraph.nodes.robot.joints import SUFFIX, JointParams, Limits, Vector
from rtgraph.nodes.robot.joints import Command as CommandKind
from rtgraph.nodes.robot.safety import NEAR_S, Command, Safety, Sent, clip_range, stale_after_ns

ARRIVED = 0.02
"""Tolerance of a sent position, as the distance that the joint moves in this many seconds at maximum speed.

The motion to a pose ends if the position sent to each joint rests within the tolerance for ``SETTLED_TICKS`` ticks.
"""
STILL = 1e-3
"""A joint rests if the speed sent to it is at most this share of its maximum speed."""
SETTLED_TICKS = 3
REACHED = 0.05
"""Tolerance of a measured position, as a share of the joint's range. It is wide, since a loaded joint hangs below its goal."""
ARRIVAL_NS = 2_000_000_000
"""Maximum time, in ns, for the measured positions to reach a pose after the motion to it has ended."""
NO_COMMAND = "no valid command"
REFUSALS: Mapping[str, str] = {
    "not_finite": "its numbers are not finite",
    "stale": "it is too old by its stamp",
    "commander": "another node commands",
    "far": "it is too far from the robot's position",
}
"""The text for each reason why the safety rules refuse a command."""


@dataclass(frozen=True, slots=True)
class TickResult:
    """The outcome of a tick."""

    sent: Vector | None
    """The command passed to the connection, (joints,); None if no command was passed."""
    refused: str = ""
    """Why the command was refused; empty if it was admitted, or if there was no command."""


class Control(DeviceControl):
    """Controls one robot: applies the safety rules to each tick's command and sends the result.

    Args:
        joints: the joints and their limits.
        kind: whether commands are positions or velocities.
        connection: the connection to the device.
        period_ns: time from tick to tick.
        now_ns: the graph's time.
        homing_speed: speed at which ``go_to`` moves the robot to a pose, as a share of the maximum speed.
        resume_within_s: after a hold, a position command is admitted only if each joint can reach it in this time at its maximum
            speed.
        cameras: the age in ns at which the picture of each camera becomes stale.
        dry_run: whether nothing is sent to the device. Then a pose is reached when the motion to it has ended, whatever is measured.
    """

    def __init__(
        self,
        joints: Mapping[str, JointParams],
        kind: CommandKind,
        connection: Connection,
        period_ns: int,
        now_ns: int,
        homing_speed: float = 0.25,
        resume_within_s: float = NEAR_S,
        cameras: Mapping[str, int] | None = None,
        *,
        dry_run: bool = False,
    ) -> None:
        self._cameras = cameras or {}
        self._dry_run = dry_run
        self._homing_speed = homing_speed
        self.limits = Limits.of(joints)
        self.safety = Safety(self.limits, kind, period_ns, near_s=resume_within_s)
        super().__init__(connection, now_ns, self.safety.refused)
        self._actions = [f"{name}.{SUFFIX[kind]}" for name in joints]
        self._positions = [f"{name}.pos" for name in joints]
        self._kind = kind
        self._stale_ns = stale_after_ns(period_ns)
        self._pose: Vector | None = None
        self._wanted = np.full(len(joints), np.nan)
        """The pose as given to ``go_to``, with NaN for joints that stay where they are."""
        self._settled = 0
        self._settled_ns = 0
        self._units = [joint.unit for joint in joints.values()]
        self._misses = 0
        self._last_miss = ""
        self._nowhere = np.zeros(len(self._positions))

    @property
    def measured(self) -> Vector:
        """The positions of the joints in the newest sample, (joints,), in the joints' units; zeros before the first sample."""
        if self.sample is None:
            return self._nowhere
        values = self.sample.values
        return np.array([float(values[name]) for name in self._positions])

    @property
    def is_homing(self) -> bool:
        """Whether the robot is moving to the pose given to ``go_to``."""
        return self._pose is not None

    def go_to(self, pose: npt.NDArray[np.generic], reason: str, now_ns: int) -> None:
        """Move the robot slowly to a pose, (joints,), during the next ticks. The pose is clipped to the range.

        A joint with NaN in the pose stays where it is, and is not checked. The pose is reached if every measured position is
        within ``REACHED`` of the pose, at most ``ARRIVAL_NS`` after the motion has ended. Otherwise the joints that are away from
        the pose hold where they are, and the state's reason names these joints.

        Raises:
            NodeError: the robot takes velocities.
        """
        if self._kind != "position":
            raise NodeError(
                "the robot takes velocities, so the plant cannot move it to a pose",
                hint="set command: position in the plant, or a task without a pose to start from",
            )
        self._wanted = clip_range(np.asarray(pose, np.float64), self.limits)
        self._pose = np.where(np.isnan(self._wanted), self.safety.position, self._wanted)
        self._settled = 0
        if self._may_move():
            self.states.enter("homing", reason, now_ns)

    def missed(self) -> str:
        """Return which joints are away from the pose of the last ``go_to``, by their readings, as in ``lift is at 31 deg, not 5 deg``.

        The text is empty if each joint is within ``REACHED`` of the pose, and before the first sample.
        """
        if self.sample is None:
            return ""
        measured, wanted, names, units = self.measured, self._wanted, self.limits.names, self._units
        return ", ".join(
            f"{names[at]} is at {measured[at]:.3g} {units[at]}, not {wanted[at]:.3g} {units[at]}"
            for at in np.flatnonzero(self._away())
        )

    def stay(self, reason: str, now_ns: int) -> None:
        """Stop moving to a pose, and hold still."""
        self._pose = None
        self.safety.holds = True
        if self._may_move():
            self.states.enter("holding", reason, now_ns)

    def warnings(self) -> list[str]:
        """Return a warning for failures of the device, and one for poses that were not reached."""
        if not self._misses:
            return super().warnings()
        times = "once" if self._misses == 1 else f"{self._misses:,} times"
        return [*super().warnings(), f"the robot missed a pose {times}, last: {self._last_miss}"]

    def hand_over(self, commander: str, now_ns: int) -> None:
        """Let every node command the robot again, because ``commander`` (a node, or the policy) takes over.

        The robot holds until a command is admitted. If the robot is moving to a pose, it moves on to the pose first. ``commander``
        is only named in the reason for the state ``holding``.
        """
        self.safety.hand_over()
        if self._may_move() and not self.is_homing:
            self.states.enter("holding", f"{commander} takes over", now_ns)

    def tick(
        self,
        command: Command | None,
        default: npt.NDArray[np.generic] | None,
        now_ns: int,
        missing: str = "",
    ) -> TickResult:
        """Apply the safety rules to ``command`` or, without an admitted command, to ``default``. Send the result.

        While the robot is stopped, moves to a pose, or gives no fresh readings, ``command`` is refused and ``default`` is not
        used. The same holds while an earlier command still waits for the driver.

        Args:
            command: the command of this tick, if there is one.
            default: the command of the default behaviour β, (joints,); None to hold still.
            now_ns: the graph's time.
            missing: why there is no command, if that is known.
        """
        if not self._may_move():
            return TickResult(None, self._blocked(command))
        connection, safety, states = self.connection, self.safety, self.states
        measured = self.measured
        if connection.take_lost():
            self._rest_here()
        if silent := self._silent(now_ns):
            states.enter("stale", f"{silent} is silent", now_ns)
            safety.holds = True
            self._settled = 0
            return TickResult(self._slow_down(now_ns), self._blocked(command))
        if not connection.is_free():
            safety.rest()
            return TickResult(None, self._blocked(command))
        if self._pose is not None:
            return self._home(self._pose, measured, command, now_ns)
        sent = safety.step(command, now_ns, measured, default)
        if command is not None and not sent.refused:
            states.enter("running", f"{command.person} commands" if command.person else "", now_ns)
        elif sent.stale and (states.state == "running" or self._explains(sent, missing)):
            reason = REFUSALS.get(sent.refused, missing)
            states.enter("stale", f"{NO_COMMAND}: {reason}" if reason else NO_COMMAND, now_ns)
        elif states.state == "stale" and states.reason.endswith(" is silent"):
            states.enter("holding", "the device answers again", now_ns)
        self._post(sent.values, now_ns)
        return TickResult(sent.values, sent.refused)

    def _explains(self, sent: Sent, missing: str) -> bool:
        """Return whether to show in the robot's state why no command is applied: the reason is known and not shown yet."""
        states = self.states
        return bool(sent.refused or missing) and (
            states.state == "holding" or (states.state, states.reason) == ("stale", NO_COMMAND)
        )

    def _hold_here(self, now_ns: int) -> None:
        """Hold the robot: send the position from which the next motion starts, or zero velocity. Then switch the torque on."""
        self._post(self.safety.position if self._kind == "position" else self._nowhere, now_ns)
        self.connection.set_torque(True)

    def _slow_down(self, now_ns: int) -> Vector | None:
        """Slow the robot down while its readings are old. A robot with position commands gets no command: it stops by itself.

        Return the velocities, (joints,); None if nothing was sent.
        """
        if self._kind == "position" or not self.connection.is_free():
            self.safety.rest()
            return None
        velocity = self.safety.slow_down()
        self._post(velocity, now_ns)
        return velocity

    def _give_up_homing(self) -> None:
        self._pose = None

    def _rest_here(self) -> None:
        """Set the position from which the next motion starts: the last goal, or the measured position.

        The measured position is used if it is far from the last goal, if there is no last goal, and for velocity commands.

        A loaded joint hangs below its goal, so holding the measured position would lower the joint at each hold. A
        robot that fell while its torque was off is far from its last goal.
        """
        self._settled = 0
        measured, last = self.measured, self.connection.last_sent
        if self._kind == "position" and all(name in last for name in self._actions):
            goal = np.array([float(last[name]) for name in self._actions])
            if (np.abs(goal - measured) <= NEAR_S * self.limits.speed).all():
                self.safety.begin(goal)
                return
        self.safety.begin(measured)

    def _home(self, pose: Vector, measured: Vector, command: Command | None, now_ns: int) -> TickResult:
        refused = self._blocked(command)
        self.states.enter("homing", self.states.reason, now_ns)
        self.safety.move(pose, measured, self._homing_speed)
        self._settled = self._settled + 1 if self._is_at(pose) else 0
        if self._settled <= SETTLED_TICKS:
            self._settled_ns = now_ns
        if self._settled >= SETTLED_TICKS:
            self._arrive(now_ns)
        values = self.safety.position
        self._post(values, now_ns)
        return TickResult(values, refused)

    def _arrive(self, now_ns: int) -> None:
        """End the motion to a pose if the readings have reached it, or if the time for this is over."""
        away = self._away()
        if not away.any():
            reason = "the pose is reached"
            self.safety.holds = True
        elif now_ns - self._settled_ns < ARRIVAL_NS:
            return
        else:
            self._misses += 1
            self._last_miss = self.missed()
            reason = f"the pose was not reached: {self._last_miss}"
            self.safety.begin(np.where(away, self.measured, self.safety.position))
        self._pose = None
        self.states.enter("holding", reason, now_ns)

    def _away(self) -> npt.NDArray[np.bool_]:
        tolerance = math.inf if self._dry_run else REACHED * (self.limits.high - self.limits.low)
        away: npt.NDArray[np.bool_] = np.abs(self.measured - self._wanted) > tolerance  # False for NaN
        return away

    def _is_at(self, pose: Vector) -> bool:
        near = ARRIVED * self.limits.speed
        still = np.abs(self.safety.velocity) <= STILL * self.limits.speed
        return bool((still & (np.abs(self.safety.position - pose) <= near)).all())

    def _silent(self, now_ns: int) -> str:
        """Return what sends no fresh readings: the device or a camera; empty if all readings are fresh."""
        sample = self.sample
        if sample is None or not np.isfinite(self.measured).all():
            return "the device"
        if now_ns - min(map(sample.captured_at, self._positions)) > self._stale_ns:
            return "the device"
        old = [name for name, most_ns in self._cameras.items() if now_ns - sample.captured_at(name) > most_ns]
        return f"camera {old[0]}" if old else ""

    def _post(self, values: Vector, now_ns: int) -> None:
        self.connection.post(dict(zip(self._actions, map(float, values), strict=True)), now_ns)
