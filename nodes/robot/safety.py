"""The safety rules for the commands to a robot, applied once a tick before a command goes to the driver.

The rules have no clock, no thread and no randomness: the same calls give the same commands in a test, on a simulated
robot and on hardware. The rules are not a safety function in the sense of a standard: see ``docs/robots.md``.

A command is admitted if its numbers are finite, its stamp is recent, and it comes from the one node that commands.
After a hold a position command must also be near the last position sent. The admitted target is clipped to the range; then the
velocity towards it is limited so that the joint can always stop before a bound, and clipped to the maximum speed and
acceleration. Without an admitted command and without a default behaviour that moves, a joint stops with its maximum
deceleration. So every command that is sent is within speed and acceleration, and within range if the joint starts within it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtgraph.nodes.robot.joints import Command as CommandKind
from rtgraph.nodes.robot.joints import Limits, Vector

STALE_PERIODS = 4
STALE_LEAST_NS = 100_000_000
STALE_MOST_NS = 500_000_000
NEAR_S = 0.5


@dataclass(frozen=True, slots=True)
class Command:
    """A command to which the rules are not applied yet."""

    values: npt.NDArray[np.generic]
    """Goal positions or velocities, (joints,), in the joints' units."""
    stamp_ns: int
    """When the command was made, in ns of the graph's clock."""
    source: str
    """The node that made the command; replicas count as one node."""
    person: str = ""
    """The node through which a person made the command; empty if a policy did."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The command that the rules give for a tick, and whether a received command was refused."""

    values: Vector
    refused: str = ""
    """Why the command was refused: not_finite, stale, commander or far. Empty if it was admitted, or if there was no command."""
    stale: bool = False
    """Whether the last admitted command is older than the stale limit, or no command was admitted so far."""


def stale_after_ns(period_ns: int) -> int:
    """Return the age at which a command becomes stale, in ns: four periods of the tick, at least 0.1 s and at most 0.5 s."""
    return min(max(STALE_PERIODS * period_ns, STALE_LEAST_NS), STALE_MOST_NS)


class Safety:
    """Applies the rules to one robot. Call ``begin`` with the robot's position first, then ``step`` once a tick.

    Args:
        limits: the limits of the robot's joints.
        command: whether commands are positions or velocities.
        period_ns: time from tick to tick.
        stale_ns: age at which a command becomes stale; default: ``stale_after_ns``.
        near_s: time in seconds. After a hold, a position command is admitted only if each joint can reach it in this time at its
            maximum speed.
    """

    def __init__(
        self,
        limits: Limits,
        command: CommandKind,
        period_ns: int,
        *,
        stale_ns: int | None = None,
        near_s: float = NEAR_S,
    ) -> None:
        self.limits = limits
        self.refused: Counter[str] = Counter()
        """Number of refused commands, by reason."""
        self._kind = command
        self._period_s = period_ns / 1e9
        self._stale_ns = stale_after_ns(period_ns) if stale_ns is None else stale_ns
        self._near = near_s * limits.speed
        self._velocity = np.zeros(len(limits.names))
        self._position = np.zeros(len(limits.names))
        self._commander = ""
        self._admitted_ns: int | None = None
        self.holds = True
        """Whether the robot holds its position. Then a position command is admitted only if it is near the last position sent."""

    @property
    def position(self) -> Vector:
        """The last position sent, or the position given to ``begin``, (joints,). For velocity commands: the last one measured."""
        return self._position.copy()

    @property
    def velocity(self) -> Vector:
        """The velocity sent last, (joints,). For position commands it is computed from the positions sent last."""
        return self._velocity.copy()

    def begin(self, position: npt.NDArray[np.generic]) -> None:
        """Start from rest at a position, (joints,). Call it whenever the robot has stopped, or moved by other means."""
        self._position = np.asarray(position, np.float64).copy()
        self._velocity = np.zeros_like(self._position)
        self.holds = True

    def hand_over(self) -> None:
        """Allow every node to command the robot. The robot holds its position until a command is admitted.

        From then on, only the node that sent this command may command the robot, until its last admitted command is stale.
        """
        self._commander = ""
        self.holds = True

    def rest(self) -> None:
        """Record that nothing could be sent at this tick. The robot then counts as standing still at the last position."""
        self._velocity = np.zeros_like(self._position)

    def slow_down(self) -> Vector:
        """Return the velocities, (joints,), that slow the robot down at this tick. The position is not considered."""
        self._velocity = clip_acceleration(
            np.zeros_like(self._velocity), self._velocity, self.limits, self._period_s
        )
        return self._velocity.copy()

    def step(
        self,
        command: Command | None,
        now_ns: int,
        measured: npt.NDArray[np.generic],
        default: npt.NDArray[np.generic] | None = None,
    ) -> Sent:
        """Return what to send at a tick.

        Args:
            command: the command of this tick, if there is one.
            now_ns: the graph's time.
            measured: the last measured positions, (joints,).
            default: the command of the default behaviour β, (joints,); None to hold still. It is used at ticks without
                an admitted command, until the last admitted command is stale.
        """
        refused = "" if command is None else self._refuse(command, now_ns)
        if refused:
            self.refused[refused] += 1
        elif command is not None:
            self._commander, self._admitted_ns, self.holds = command.source, now_ns, False
            return Sent(self._move(np.asarray(command.values, np.float64), measured))
        stale = self._admitted_ns is None or now_ns - self._admitted_ns > self._stale_ns
        self.holds = self.holds or stale
        target = None if self.holds or default is None else np.asarray(default, np.float64)
        if target is not None and not np.isfinite(target).all():
            target = None
        return Sent(self._move(target, measured), refused, stale)

    def move(
        self, target: npt.NDArray[np.generic], measured: npt.NDArray[np.generic], share: float
    ) -> Vector:
        """Return the command that moves the robot towards a pose, at a share of the maximum speed. The vectors are (joints,)."""
        return self._move(np.asarray(target, np.float64), measured, share)

    def _refuse(self, command: Command, now_ns: int) -> str:
        if not is_finite(command):
            return "not_finite"
        if not is_fresh(command, now_ns, self._stale_ns):
            return "stale"
        expired = self._admitted_ns is None or now_ns - self._admitted_ns > self._stale_ns
        if not is_commander(command, "" if expired else self._commander):
            return "commander"
        if self.holds and self._kind == "position" and not is_near(command, self._position, self._near):
            return "far"
        return ""

    def _move(self, target: Vector | None, measured: npt.NDArray[np.generic], share: float = 1.0) -> Vector:
        limits, period_s = self.limits, self._period_s
        if self._kind == "velocity":
            self._position = np.asarray(measured, np.float64).copy()
            wanted = np.zeros_like(self._position) if target is None else target
            wanted = stop_in_range(wanted, self._position, limits, period_s)
        elif target is None:
            wanted = np.zeros_like(self._position)
        else:
            wanted = braking(clip_range(target, limits) - self._position, limits, period_s)
        wanted = np.clip(wanted, -share * limits.speed, share * limits.speed) if share < 1 else wanted
        velocity = clip_acceleration(clip_speed(wanted, limits), self._velocity, limits, period_s)
        self._velocity = velocity
        if self._kind == "velocity":
            return velocity.copy()
        self._position = self._position + velocity * period_s
        return self._position.copy()


# The rules: one function each, so that a test can disable a rule and show its effect. Vectors are (joints,) float64, in the
# units of the joints, per second for velocities.


def is_finite(command: Command) -> bool:
    """Return whether all numbers of a command are finite."""
    return bool(np.isfinite(command.values).all())


def is_fresh(command: Command, now_ns: int, stale_ns: int) -> bool:
    """Return whether a command's stamp is at most ``stale_ns`` before or after the present time."""
    return abs(now_ns - command.stamp_ns) <= stale_ns


def is_commander(command: Command, commander: str) -> bool:
    """Return whether a command is from the node ``commander``. If ``commander`` is empty, every node may command."""
    return not commander or command.source == commander


def is_near(command: Command, position: Vector, near: Vector) -> bool:
    """Return whether a command's goal is within ``near`` of the position, for each joint. ``position`` and ``near`` are (joints,)."""
    return bool((np.abs(np.asarray(command.values, np.float64) - position) <= near).all())


def clip_range(target: Vector, limits: Limits) -> Vector:
    """Return the position within the range that is nearest to the target, (joints,)."""
    return np.clip(target, limits.low, limits.high)


def stop_in_range(velocity: Vector, position: Vector, limits: Limits, period_s: float) -> Vector:
    """Return the velocity nearest to ``velocity`` from which every joint can stop within its range.

    ``velocity``, ``position`` and the result are (joints,). Velocities are in units per second.
    """
    least = -fastest(np.maximum(position - limits.low, 0.0), limits.acceleration, period_s)
    most = fastest(np.maximum(limits.high - position, 0.0), limits.acceleration, period_s)
    return np.clip(velocity, least, most)


def braking(distance: Vector, limits: Limits, period_s: float) -> Vector:
    """Return the largest velocity of each joint, towards its goal, from which the joint can stop at the goal, (joints,).

    ``distance`` is the distance from each joint to its goal, (joints,). Its sign is the direction.
    """
    return np.sign(distance) * fastest(np.abs(distance), limits.acceleration, period_s)


def clip_speed(velocity: Vector, limits: Limits) -> Vector:
    """Return the velocity within the speed limit that is nearest to ``velocity``, (joints,)."""
    return np.clip(velocity, -limits.speed, limits.speed)


def clip_acceleration(velocity: Vector, before: Vector, limits: Limits, period_s: float) -> Vector:
    """Return the velocity nearest to ``velocity`` that the acceleration limit allows after ``before``; all (joints,)."""
    step = limits.acceleration * period_s
    return np.clip(velocity, before - step, before + step)


def fastest(distance: Vector, acceleration: Vector, period_s: float) -> Vector:
    """Return the largest velocity v of a tick from which a joint can stop within a distance.

    P is ``period_s``, and q is the change of velocity per tick. A joint that brakes from v has the velocities v, v − q,
    v − 2q, … at successive ticks. With n = ⌊v/q⌋ it covers the distance P((n + 1)v − q n(n + 1)/2). The function solves
    this formula for v. The formula is exact for ticks of length P, unlike √(2ad).
    """
    change = acceleration * period_s
    with np.errstate(invalid="ignore"):
        whole = np.floor((np.sqrt(1.0 + 8.0 * distance / (change * period_s)) - 1.0) / 2.0)
        velocity: Vector = (distance / period_s + change * whole * (whole + 1.0) / 2.0) / (whole + 1.0)
    return np.where(np.isinf(distance), np.inf, velocity)
