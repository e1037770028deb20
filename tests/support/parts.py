"""Environments with observations of several parts."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

COLUMNS = 4
ROWS = 5


class PartsCatch(gymnasium.Env[Any, Any]):
    """Catch with the ball in a picture and the paddle's column in a vector: an agent needs both.

    Args:
        parts: the parts that an observation has; a single one is not in a mapping.
        side: the side of the picture in pixels.
    """

    def __init__(self, parts: tuple[str, ...] = ("picture", "paddle"), side: int = 0) -> None:
        shape = (side, side) if side else (ROWS, COLUMNS)
        all_spaces: dict[str, spaces.Space[Any]] = {
            "picture": spaces.Box(0, 255, shape, np.uint8),
            "paddle": spaces.Box(0, 1, (1,), np.float32),
        }
        self._parts = tuple(parts)
        self._side = side
        chosen = {name: all_spaces[name] for name in parts}
        self.observation_space = spaces.Dict(chosen) if len(chosen) > 1 else chosen[parts[0]]
        self.action_space = spaces.Discrete(3)
        self._row = self._column = self._paddle = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._row = 0
        self._column, self._paddle = (int(n) for n in self.np_random.integers(COLUMNS, size=2))
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._paddle = min(COLUMNS - 1, max(0, self._paddle + int(action) - 1))
        self._row += 1
        down = self._row == ROWS - 1
        reward = (1.0 if self._column == self._paddle else -1.0) if down else 0.0
        return self._observe(), reward, down, False, {}

    def _observe(self) -> Any:
        picture = np.zeros((ROWS, COLUMNS), np.uint8)
        picture[self._row, self._column] = 255
        if self._side:
            rows, columns = (np.arange(self._side) * n // self._side for n in (ROWS, COLUMNS))
            picture = picture[rows][:, columns]
        values = {"picture": picture, "paddle": np.array([self._paddle / (COLUMNS - 1)], np.float32)}
        return (
            {name: values[name] for name in self._parts} if len(self._parts) > 1 else values[self._parts[0]]
        )


gymnasium.register("PartsCatch-v0", entry_point=PartsCatch)
