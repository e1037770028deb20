"""Tasks: the reward of a robot, the end of an episode, and the physical reset."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.robot.driver import Reading
from rtgraph.nodes.robot.joints import Limits, Vector
from rtgraph.nodes.runtime.classes.imports import class_at
from rtgraph.nodes.runtime.classes.loading import call_problem

OFFSET, TARGET = ".offset", ".target"
"""The ends of the names of the numbers that ``reach`` adds to the observation, such as ``elbow.target``."""
STARTS = ("pose", "stay")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The reward of a tick, and whether the episode ends."""

    reward: float = 0.0
    terminated: bool = False
    truncated: bool = False


class Task(Protocol):
    """Computes rewards and ends of episodes. Never blocks.

    A task is made with ``limits``, ``rate_hz`` and the parameters in ``task_params``.
    """

    @property
    def observed(self) -> tuple[str, ...]:
        """The names of the numbers that the task adds to the observation, such as a target."""
        ...

    def begin(self, rng: np.random.Generator) -> Vector | None:
        """Begin an episode. Return the pose to which the robot first moves slowly, (joints,); None to stay at the present pose."""
        ...

    def observation(self, position: Vector) -> Vector:
        """Return the numbers that the task adds to the observation, (observed,). ``position`` holds the joints' positions, (joints,)."""
        ...

    def step(self, position: Vector, values: Mapping[str, Reading]) -> Verdict:
        """Return the reward of a tick, and whether the episode ends.

        Args:
            position: the measured positions, (joints,).
            values: the device's reading, by feature.
        """
        ...


class Free:
    """The task without rewards and ends: the episode lasts as long as the launch."""

    observed: tuple[str, ...] = ()

    def __init__(self, limits: Limits, rate_hz: float) -> None:
        del limits, rate_hz

    def begin(self, rng: np.random.Generator) -> Vector | None:
        """Begin an episode. Return None: the robot stays where it is."""
        return None

    def observation(self, position: Vector) -> Vector:
        """Return no numbers: the task adds nothing to the observation."""
        return np.zeros(0)

    def step(self, position: Vector, values: Mapping[str, Reading]) -> Verdict:
        """Return the reward 0. The episode goes on."""
        return Verdict()


class Reach:
    """Reach a random target: the reward of a tick is minus the mean distance of the joints from the target.

    Each distance is a share of the joint's range. An episode is truncated after ``time_limit_s``.

    Args:
        limits: the limits of the joints; no joint may be endless.
        rate_hz: ticks per second.
        time_limit_s: length of an episode, without its physical reset.
        margin: minimum distance of targets and poses from the ends of each range, as a share of the range.
        joints: the joints with a target; None for all. A reset that moves the robot moves the joints without a target to
            the middle of their ranges.
        start: ``pose``: the robot moves slowly to a random pose before each episode; ``stay``: it moves to the middle of
            its ranges before the first episode, and later episodes begin where the robot is.
        relative: observe the signed distance from each joint to its target (target − position) instead of the target.
    """

    def __init__(
        self,
        limits: Limits,
        rate_hz: float,
        time_limit_s: float = 10.0,
        margin: float = 0.1,
        joints: Sequence[str] | None = None,
        start: Literal["pose", "stay"] = "pose",
        relative: bool = False,
    ) -> None:
        if endless := [
            name for name, end in zip(limits.names, limits.high, strict=True) if not np.isfinite(end)
        ]:
            raise NodeError(
                f"the task 'reach' needs a range for each joint, but these have none: {', '.join(endless)}",
                hint="give the joint a range, or choose another task",
            )
        for name, number in (("time_limit_s", time_limit_s), ("margin", margin)):
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise NodeError(f"`{name}` of the task 'reach' must be a number, not {number!r}")
        if joints is not None and not (
            isinstance(joints, list | tuple) and joints and all(isinstance(name, str) for name in joints)
        ):
            raise NodeError(
                f"`joints` of the task 'reach' must be a list of one or more names, not {joints!r}"
            )
        if not 0 < time_limit_s < math.inf:
            raise NodeError(f"the task 'reach' needs a finite time_limit_s above 0, not {time_limit_s:g}")
        if not 0 <= margin < 0.5:
            raise NodeError(f"the task 'reach' needs a margin of at least 0 and below 0.5, not {margin:g}")
        if unknown := set(joints or ()) - set(limits.names):
            raise NodeError(
                f"`joints` of the task 'reach' has joints that the robot does not have: {', '.join(sorted(unknown))}"
            )
        if start not in STARTS:
            raise NodeError(
                f"the task 'reach' has the unknown start {start!r}", hint=f"use {' or '.join(STARTS)}"
            )
        self._counts = np.array([joints is None or name in joints for name in limits.names])
        counted = [name for name, counts in zip(limits.names, self._counts, strict=True) if counts]
        self.observed = tuple(f"{name}{OFFSET if relative else TARGET}" for name in counted)
        self._span = span = limits.high - limits.low
        self._low, self._high = limits.low + margin * span, limits.high - margin * span
        self._most_ticks = max(1, round(time_limit_s * rate_hz))
        self._stays, self._relative = start == "stay", relative
        self._begun = False
        self._ticks = 0
        self._target = self._middle = (self._low + self._high) / 2

    def begin(self, rng: np.random.Generator) -> Vector | None:
        """Draw a random target. Return the pose to start from, (joints,); None to stay where the robot is."""
        self._ticks = 0
        self._target = rng.uniform(self._low, self._high)
        if self._stays:
            first, self._begun = not self._begun, True
            return self._middle if first else None
        pose: Vector = np.where(self._counts, rng.uniform(self._low, self._high), self._middle)
        return pose

    def observation(self, position: Vector) -> Vector:
        """Return the target of each joint that has one, (observed,); with ``relative`` the signed distance to the target."""
        seen: Vector = (self._target - position if self._relative else self._target)[self._counts]
        return seen

    def step(self, position: Vector, values: Mapping[str, Reading]) -> Verdict:
        """Return the reward of a tick, and whether the time is over.

        The reward is minus the mean distance of the joints from the target. Each distance is a share of the joint's range. Joints
        without a target do not count.
        """
        self._ticks += 1
        distance = float(np.mean((np.abs(position - self._target) / self._span)[self._counts]))
        return Verdict(-distance, truncated=self._ticks >= self._most_ticks)


TASKS: Mapping[str, type[Task]] = {"free": Free, "reach": Reach}


def make_task(name: str, limits: Limits, rate_hz: float, params: Mapping[str, object]) -> Task:
    """Return a new task: ``free``, ``reach``, or a user's class as ``package.module:Class``.

    Raises:
        NodeError: there is no such task, or the task does not take these parameters. The task may raise other errors.
    """
    if name not in TASKS and ":" not in name:
        raise NodeError(f"unknown task {name!r}", hint=f"use {', '.join(TASKS)} or package.module:Class")
    task = TASKS.get(name) or class_at(name)
    if problem := call_problem(task, limits, rate_hz, **params):
        raise NodeError(
            f"task {name!r} does not take these task_params: {problem}",
            hint="the keys of task_params are the keyword arguments of the class, after limits and rate_hz",
        )
    made: Task = task(limits, rate_hz, **params)
    return made
