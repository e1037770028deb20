"""Environments with occasional faults, as simulators and sensors have; registered with Gymnasium on import."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces


class Edge(gymnasium.Env[Any, Any]):
    """Observes noise, and earns 1 at every step.

    Args:
        length: steps in an episode.
        observed: replacement of the observation's second part, by number of the observation over all episodes.
        earned: replacement of the reward, by step of the episode; in every ``every``-th episode.
        every: see ``earned``.
        shape: shape of an observation.
    """

    action_space = spaces.Discrete(3)

    def __init__(
        self,
        length: int = 17,
        observed: dict[int, float] | None = None,
        earned: dict[int, float] | None = None,
        every: int = 1,
        shape: tuple[int, ...] = (4,),
    ) -> None:
        self.observation_space = spaces.Box(-1e6, 1e6, shape, np.float32)
        self._length, self._observed, self._earned, self._every = length, observed or {}, earned or {}, every
        self._seen = self._episode = -1

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed, options=options)
        self._step = 0
        self._episode += 1
        return self._observe(), {}

    def step(self, action: Any) -> Any:
        self._step += 1
        earned = self._earned.get(self._step, 1.0) if self._episode % self._every == 0 else 1.0
        return self._observe(), earned, self._step >= self._length, False, {}

    def _observe(self) -> Any:
        self._seen += 1
        found = self.np_random.standard_normal(self.observation_space.shape).astype(np.float32)
        found[1:2] = self._observed.get(self._seen, found[1:2])
        return found


def _register(name: str, **options: Any) -> None:
    gymnasium.register(f"{name}-v0", entry_point="support.edges:Edge", kwargs=options)


_register("NanOnce", observed={100: float("nan")})
_register("HugeReward", earned={5: 1e39}, every=4)
_register("NanReward", earned={5: float("nan")}, every=3)
_register("InfReward", earned={5: float("inf")}, every=3)
_register("NanAlways", earned={5: float("nan")})
_register("OneStep", length=1)
_register("OneStepWide", length=1, shape=(1000,))
_register("ThreeSteps", length=3)


class _Unseen(Edge):
    """Takes no ``render_mode``."""

    def __init__(self, length: int) -> None:
        super().__init__(length=length)


gymnasium.register("Unseen-v0", entry_point="support.edges:_Unseen", kwargs={"length": 3})
