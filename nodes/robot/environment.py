"""A robot as an environment with ``reset`` and ``step``: observations, rewards of a task, and ends of episodes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.spaces import Discrete, PlantSpec
from rtgraph.nodes.plant.environment import Action, Step, Value
from rtgraph.nodes.robot.control import Control
from rtgraph.nodes.robot.joints import Vector
from rtgraph.nodes.robot.moves import STAY
from rtgraph.nodes.robot.params import JOINTS, RobotParams, numbers_of, scale_of, spec_of, task_of


class RobotEnvironment:
    """Observes one robot, and returns the rewards of its task and the ends of episodes.

    ``step`` sends nothing to the robot: ``Control.tick`` has moved the robot before.
    """

    def __init__(self, params: RobotParams, control: Control) -> None:
        self.spec: PlantSpec = spec_of(params)
        self._control = control
        self._task = task_of(params)
        self._numbers = numbers_of(params)
        self._shift, self._scale = scale_of(params)
        self._cameras = tuple(params.cameras)
        self._velocity = params.command == "velocity"
        self.pose: Vector | None = None
        """The pose to which the robot moves before the episode; None if the robot stays where it is."""

    @property
    def noop(self) -> Action:
        """The action for standing still: the last position sent, zero velocity, or the discrete action to stay."""
        if isinstance(self.spec.action, Discrete):
            return STAY
        safety = self._control.safety
        still = np.zeros_like(safety.position) if self._velocity else safety.position
        return still.astype(np.float32)

    def reset(self, rng: np.random.Generator) -> Value:
        """Begin an episode, and set ``pose``, the pose to start from. Return the first observation."""
        self.pose = self._task.begin(rng)
        return self._observed()

    def step(self, action: Action) -> Step:
        """Return the observation and the reward of a tick, and whether the episode ends.

        While the robot moves to the pose to start from, the task makes no step.
        """
        sample = self._control.sample
        if sample is None or self._control.is_homing:
            return Step(self._observed(), 0.0, False, False)
        verdict = self._task.step(self._control.measured, sample.values)
        return Step(self._observed(), verdict.reward, verdict.terminated, verdict.truncated)

    def captured_ns(self) -> dict[str, int]:
        """Return the capture time of each part of the observation, in ns. All numbers get the time of the oldest number."""
        sample = self._control.sample
        if sample is None:
            return {}
        numbers_ns = min(map(sample.captured_at, self._numbers))
        return {
            name: sample.captured_at(name) if name in self._cameras else numbers_ns
            for name in self.spec.parts
        }

    def screen(self) -> npt.NDArray[np.uint8] | None:
        """Return the first camera's picture, (height, width, 3) RGB; None if there is no picture, or it is not RGB."""
        sample = self._control.sample
        if sample is None or not self._cameras:
            return None
        picture = np.asarray(sample.values[self._cameras[0]])
        return picture.astype(np.uint8, copy=False) if picture.shape[2:] == (3,) else None

    def close(self) -> None:
        """Release nothing: the plant closes the connection."""

    def _observed(self) -> Value:
        sample = self._control.sample
        values = {} if sample is None else sample.values
        read = [float(values.get(name, 0.0)) for name in self._numbers]
        raw = np.array([*read, *self._task.observation(self._control.measured)])
        numbers = ((raw - self._shift) / self._scale).astype(np.float32)
        if not self._cameras:
            return numbers
        return {JOINTS: numbers, **{name: np.asarray(values[name]) for name in self._cameras}}
