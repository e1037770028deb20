"""The base of console games: starts and ends of episodes, sticky actions, what is observed."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from rtgraph.msgs.spaces import ArraySpec
from rtgraph.nodes.emulator.snapshots import Saved, derive_generator, pack_generator

SMALL = 84
"""Height and width of the small grey picture."""


class GameSettings(BaseModel):
    """The settings of a game. Each console adds its own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    game: str
    """The name of the game."""
    sticky: float = Field(default=0.0, ge=0, le=1)
    """The probability that a step repeats the last action and ignores the given action."""
    noop_max: int = Field(default=30, ge=0)
    """Maximum number of no-op frames before an episode. The number is drawn uniformly from 1 to this maximum. No such frames if it is 0."""
    max_frames: int | None = Field(default=None, ge=1)
    """Number of steps after which an episode is truncated, not counting the no-op frames; null for no limit."""
    observation: Literal["grey84", "rgb", "ram", "bits"] = "grey84"
    """"grey84": (84, 84) uint8, grey; "rgb": the full image, (height, width, 3) uint8; "ram": the console's memory, (bytes,)
    float32, each byte divided by 255; "bits": the bits of this memory, (8 * bytes,) uint8, the highest bit of a byte first."""

    def observation_spec(self, height: int, width: int, memory_bytes: int) -> ArraySpec:
        """Return the spec of the observation of a console with a screen and a memory of this size."""
        if self.observation == "ram":
            return ArraySpec(dtype="float32", shape=(memory_bytes,), low=0, high=1)
        if self.observation == "bits":
            return ArraySpec(dtype="uint8", shape=(8 * memory_bytes,), low=0, high=1)
        shape = (SMALL, SMALL) if self.observation == "grey84" else (height, width, 3)
        return ArraySpec(dtype="uint8", shape=shape, low=0, high=255)

    @property
    def observes_memory(self) -> bool:
        """Whether the observation is the console's memory, not a picture."""
        return self.observation in {"ram", "bits"}

    def memory_observation(self, memory: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32 | np.uint8]:
        """Return the bytes of the console's memory as an observation, if ``observation`` is "ram" or "bits"."""
        if self.observation == "bits":
            return np.unpackbits(memory)
        return memory.astype(np.float32) / np.float32(255)


class SavedGame(Saved):
    """The fields that the snapshots of all console games have in common."""

    frames: int = Field(ge=0)
    over: bool
    sticky_generator: bytes
    observation: bytes
    screen: bytes


class Episode:
    """Tracks the running episode: its number of frames, and the last action, which sticky actions may repeat.

    Before the first ``begin``, the episode counts as over.
    """

    def __init__(self, settings: GameSettings, noop: int) -> None:
        self._settings = settings
        self._noop = self.last_action = noop
        self.frames = 0
        self.over = True
        self._generator: np.random.Generator | None = None

    def begin(self, rng: np.random.Generator) -> None:
        """Begin an episode, with a private generator derived from ``rng``."""
        self._generator = derive_generator(rng)
        self.last_action = self._noop
        self.frames = 0
        self.over = False

    def idle_frames(self, rng: np.random.Generator) -> int:
        """Draw the number of no-op frames before an episode."""
        most = self._settings.noop_max
        return int(rng.integers(1, most + 1)) if most else 0

    def act(self, action: int) -> int:
        """Return the action to apply: the given action or, if the sticky-action draw says so, the last action.

        Raises ``RuntimeError`` if no episode is running.
        """
        if self.over or self._generator is None:
            raise RuntimeError("no episode is under way: reset first")
        sticky = self._settings.sticky
        if not (sticky and self._generator.random() < sticky):
            self.last_action = action
        return self.last_action

    def count_frame(self, terminated: bool) -> bool:
        """Count a frame, and return whether it truncates the episode."""
        self.frames += 1
        truncated = self.frames == self._settings.max_frames
        self.over = terminated or truncated
        return truncated

    def packed_generator(self) -> bytes:
        """Return the state of the private generator. Raises ``RuntimeError`` before the first ``begin``."""
        if self._generator is None:
            raise RuntimeError("no episode has begun: reset first")
        return pack_generator(self._generator)

    def restore(self, saved: SavedGame, last_action: int, generator: np.random.Generator) -> None:
        """Restore the episode from a snapshot.

        Args:
            saved: the part of the snapshot that all console games have in common.
            last_action: the last action before the snapshot.
            generator: the private random generator at the snapshot.
        """
        self.last_action = last_action
        self.frames = saved.frames
        self.over = saved.over
        self._generator = generator
