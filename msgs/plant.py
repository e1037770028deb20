"""What a plant tells: what it observed, and what was applied to it."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rtgraph.msgs.array import array
from rtgraph.msgs.base import Lineage, Message


class Observation(Message):
    """What the plant observed after a tick, published at that tick.

    ``value`` has the type and shape of the plant's ``spec.observation``. ``reward`` is what the tick just made
    earned. ``terminated`` (the task ended) and ``truncated`` (it was cut short) are never merged. The first
    observation of an episode has ``first`` set and no reward.
    """

    tick: int = Field(ge=0)
    episode: int = Field(ge=0)
    first: bool = False
    value: array()  # type: ignore[valid-type]
    reward: float = 0.0
    terminated: bool = False
    truncated: bool = False
    measurements: dict[str, float] = Field(default_factory=dict)

    def origin(self) -> Lineage:
        """Return the lineage of what derives from this observation: the observation itself."""
        header = self.header
        return Lineage.unchecked(
            {
                "source": header.source,
                "incarnation": header.incarnation,
                "sequence": header.sequence,
                "stamp_ns": header.stamp_ns,
                "tick": self.tick,
                "episode": self.episode,
            }
        )


class Screen(Message):
    """The picture a person would see, RGB, (height, width, 3)."""

    tick: int = Field(ge=0)
    episode: int = Field(ge=0)
    image: array("uint8", None, None, 3)  # type: ignore[valid-type]


Action = int | npt.NDArray[np.generic]
"""A number for ``Discrete`` actions, a vector for the others."""


class Applied(Message):
    """What was applied to the plant at a tick, and how late everything was.

    ``lineage`` in the header is that of the decision applied; it is empty where the default behaviour β acted.
    """

    tick: int = Field(ge=0)
    episode: int = Field(ge=0)
    action: int | array()  # type: ignore[valid-type]
    by: Literal["policy", "default", "reset"]
    """Whether π or β acted; at the first tick of an episode nobody does."""
    worker: str | None = None
    decision: int | None = None
    """The worker's number of the decision applied."""
    age_ticks: int | None = None
    """Ticks between the observation decided on and this one."""
    age_ns: int | None = None
    starting: bool = False
    """β acted only because the episode was too young for a decision."""
    delay_ticks: int = 0
    """D, the age that the ``playout`` gate holds decisions for; 0 for ``latest``."""
    due_ns: int
    lateness_ns: int
    """How long after ``due_ns`` the tick began."""
    work_ns: int = 0
    """How long the previous tick's work took."""
    overruns: int = 0
    """Ticks so far that were not over when the next one was due."""
    slipped: int = 0
    """Ticks so far given up to catch up with the clock."""
    reward: float = 0.0
    arrived: int = 0
    """Decisions that arrived since the previous tick."""
    overwritten: int = 0
    late: int = 0
    dropped: int = 0
    refused: int = 0
    """Decisions that arrived with an action that the plant does not take."""


class EpisodeEnd(Message):
    """What an episode came to: its return (the sum of its rewards) and length in ticks."""

    tick: int = Field(ge=0)
    """The plant's tick that ended it."""
    episode: int = Field(ge=0)
    ticks: int = Field(ge=0)
    total_reward: float
    terminated: bool
    truncated: bool
