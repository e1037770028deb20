"""Catch: a paddle on the floor must catch a falling ball. The game is observed as an image or as numbers.

The game is from Mnih, Heess, Graves & Kavukcuoglu, "Recurrent Models of Visual Attention" (2014), section
4.2, drawn large enough for the networks that play Atari.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from rtgraph.msgs.spaces import ArraySpec, Discrete, PlantSpec, RateHz
from rtgraph.nodes.emulator.emulator import Emulator
from rtgraph.nodes.emulator.snapshots import (
    Saved,
    derive_generator,
    pack_generator,
    pack_snapshot,
    unpack_generator,
    unpack_snapshot,
)
from rtgraph.nodes.plant import PlantParams
from rtgraph.nodes.plant.actions import check_discrete
from rtgraph.nodes.plant.environment import Action, Array, Step

_OWNER = "catch"
_SIZE = 84
_STAY = 1
_POSITIONS = ("ball_row", "ball_column", "paddle_column")


class CatchSettings(BaseModel):
    """The settings of Catch, from which its environment is made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int = Field(default=10, ge=3, le=42)
    """Number of rows. A ball falls by one row per tick, from the first row to the last."""
    columns: int = Field(default=5, ge=2, le=42)
    """Number of columns for the paddle and the ball."""
    observe: Literal["picture", "positions"] = "picture"
    """What an observation contains: the picture, or three numbers (row and column of the ball, column of the paddle)."""
    rate_hz: RateHz = 60.0
    """Steps per second."""

    def spec(self) -> PlantSpec:
        """Return the spec of an environment with these settings."""
        picture = ArraySpec(dtype="uint8", shape=(_SIZE, _SIZE), low=0, high=255)
        positions = ArraySpec(dtype="float32", shape=(3,), low=0, high=1, names=_POSITIONS)
        return PlantSpec(
            rate_hz=self.rate_hz,
            observation=picture if self.observe == "picture" else positions,
            action=Discrete(count=3, names=("left", "stay", "right")),
        )


class _SavedBoard(Saved):
    row: int
    column: int
    paddle: int
    generator: bytes


class CatchEnvironment:
    """A ball falls by one row per step, and the paddle moves by at most one column per step.

    A caught ball earns 1, a missed ball -1. Then the episode ends. The observation is (84, 84) uint8, in which ball
    and paddle are white boxes on black. With ``observe="positions"`` it is (3,) float32 instead: ball row, ball column
    and paddle column, 0 to 1. The ball starts in any column and falls straight; the paddle starts in the middle.
    """

    def __init__(self, settings: CatchSettings) -> None:
        self.spec = settings.spec()
        self.noop: Action = _STAY
        self._rows, self._columns = settings.rows, settings.columns
        self._pictures = settings.observe == "picture"
        self._ball: tuple[int, int] | None = None
        self._paddle = 0
        self._generator: np.random.Generator | None = None

    @property
    def observation(self) -> Array:
        """The latest observation. Raises ``RuntimeError`` before the first reset."""
        if self._pictures:
            return self._picture()
        row, column = self._begun()
        most = np.array((self._rows - 1, self._columns - 1, self._columns - 1), np.float32)
        return np.array((row, column, self._paddle), np.float32) / most

    def _picture(self) -> npt.NDArray[np.uint8]:
        row, column = self._begun()
        picture = np.zeros((_SIZE, _SIZE), np.uint8)
        for y, x in ((row, column), (self._rows - 1, self._paddle)):
            picture[
                y * _SIZE // self._rows : (y + 1) * _SIZE // self._rows,
                x * _SIZE // self._columns : (x + 1) * _SIZE // self._columns,
            ] = 255
        return picture

    def reset(self, rng: np.random.Generator) -> Array:
        """Drop a ball from a random column, and return the first observation."""
        self._generator = derive_generator(rng)
        self._ball = (0, int(self._generator.integers(self._columns)))
        self._paddle = self._columns // 2
        return self.observation

    def step(self, action: Action) -> Step:
        """Move the paddle by the action and the ball by one row.

        Raises ``ValueError`` on an invalid action, ``RuntimeError`` if no episode is running.
        """
        row, column = self._begun()
        if row == self._rows - 1:
            raise RuntimeError("the ball has reached the bottom, so the episode is over: reset first")
        self._paddle = min(self._columns - 1, max(0, self._paddle + check_discrete(action, 3) - _STAY))
        self._ball = (row + 1, column)
        down = row + 1 == self._rows - 1
        reward = (1.0 if column == self._paddle else -1.0) if down else 0.0
        return Step(self.observation, reward, down, False)

    def screen(self) -> npt.NDArray[np.uint8]:
        """Return the image in colour, (84, 84, 3) uint8 RGB."""
        return np.repeat(self._picture()[:, :, None], 3, axis=2)

    def snapshot(self) -> bytes:
        """Return the positions and the random generator. Raises ``RuntimeError`` before a reset."""
        row, column = self._begun()
        if self._generator is None:
            raise RuntimeError("no episode has begun: reset first")
        saved = _SavedBoard(
            row=row, column=column, paddle=self._paddle, generator=pack_generator(self._generator)
        )
        return pack_snapshot(_OWNER, saved)

    def restore(self, snapshot: bytes) -> None:
        """Restore a snapshot. Raises ``ValueError`` if the bytes are not a snapshot of Catch, or do not fit this board."""
        saved = unpack_snapshot(snapshot, _OWNER, _SavedBoard)
        on_board = 0 <= saved.row < self._rows and 0 <= saved.column < self._columns
        if not on_board or not 0 <= saved.paddle < self._columns:
            raise ValueError(
                f"this snapshot of 'catch' does not fit this board: ball at {(saved.row, saved.column)}, paddle at "
                f"{saved.paddle}; this board has {self._rows} rows and {self._columns} columns"
            )
        self._generator = unpack_generator(saved.generator)
        self._ball, self._paddle = (saved.row, saved.column), saved.paddle

    def close(self) -> None:
        """Do nothing: there are no resources to release."""

    def _begun(self) -> tuple[int, int]:
        if self._ball is None:
            raise RuntimeError("no episode has begun: reset first")
        return self._ball


class CatchParams(PlantParams, CatchSettings):
    """The parameters of the node ``Catch``: the parameters of every plant (environment or robot), and the settings of the game."""


class Catch(Emulator[CatchParams]):
    """A paddle must catch a falling ball, observed as a picture or as three numbers."""

    environment_type = CatchEnvironment
    incidental = frozenset({"rate_hz"})
