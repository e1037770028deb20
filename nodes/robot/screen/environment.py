"""A filmed game as an environment with ``reset`` and ``step``: observation, reward and end come from the newest picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.spaces import PlantSpec
from rtgraph.nodes.plant.environment import Action, Array, Step
from rtgraph.nodes.plant.preprocess import AreaResize
from rtgraph.nodes.robot.screen.control import ScreenControl
from rtgraph.nodes.robot.screen.ending import EndRules
from rtgraph.nodes.robot.screen.file import ScreenFile
from rtgraph.nodes.robot.screen.link import PICTURE
from rtgraph.nodes.robot.screen.rectify import grey_of
from rtgraph.nodes.robot.screen.score import ScoreBoard

SMALL = 84


class FilmedEnvironment:
    """Observes one filmed game, and computes rewards and ends of episodes.

    ``step`` presses nothing: ``ScreenControl.tick`` has pressed the buttons before.
    """

    def __init__(self, spec: PlantSpec, file: ScreenFile, control: ScreenControl) -> None:
        self.spec = spec
        self.noop: Action = 0
        self.board = ScoreBoard(file)
        self._control = control
        self._rules = EndRules(file)
        self._rectify = file.rectifier()
        self._shrink = AreaResize(file.size[1], file.size[0], SMALL, SMALL)
        self._picture: npt.NDArray[np.uint8] = np.zeros((file.size[1], file.size[0], 3), np.uint8)
        self._seen_ns = -1
        self._reward = 0.0
        self._now_ns = 0

    def look(self, now_ns: int) -> None:
        """Read the newest picture, unless it was read before. Call this once a tick, before ``reset`` or ``step``."""
        self._now_ns = now_ns
        sample = self._control.sample
        if sample is not None and sample.captured_ns != self._seen_ns:
            self._seen_ns = sample.captured_ns
            self._picture = self._rectify(np.asarray(sample.values[PICTURE], np.uint8))
            self._reward += self.board.take(self._picture)
            self._rules.take(self._picture, self.board, now_ns)
        self._rules.tick(now_ns)

    def reset(self, rng: np.random.Generator) -> Array:
        """Begin an episode, and return its first observation. Points scored before do not count."""
        self._reward = 0.0
        self._rules.begin(self._now_ns)
        return self._observed()

    def step(self, action: Action) -> Step:
        """Return the observation, the reward since the last tick, whether the episode ends, and the counters."""
        reward, self._reward = self._reward, 0.0
        rules = self._rules
        return Step(
            self._observed(),
            reward,
            rules.terminated,
            rules.truncated and not rules.terminated,
            self.board.values(),
        )

    def captured_ns(self) -> dict[str, int]:
        """Return the capture time of the picture; empty before the first picture."""
        return {"": self._seen_ns} if self._seen_ns >= 0 else {}

    def screen(self) -> npt.NDArray[np.uint8]:
        """Return the rectified picture, (height, width, 3) uint8 RGB; black before the first picture."""
        return self._picture

    def close(self) -> None:
        """Release nothing: the plant closes the connection."""

    def _observed(self) -> Array:
        return self._shrink(grey_of(self._picture))
