"""Messages of a plant (an emulator or a robot): its observations, and the actions applied to it."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rtgraph.msgs.array import array, array_or_parts
from rtgraph.msgs.base import Lineage, Message
from rtgraph.msgs.spaces import WHOLE, PartsSpec, PlantSpec, Value

_lineage_of = Lineage.unchecked


class Observation(Message):
    """The plant's observation after a tick, published at that tick.

    ``value`` is an array, or a mapping of named arrays, as the plant's ``spec.observation`` says. ``reward``
    is the reward of the tick that just ended. ``terminated`` (the task ended) and ``truncated`` (the episode
    was cut short) are separate. The first observation of an episode has ``first`` set and no reward.
    """

    tick: int = Field(ge=0)
    episode: int = Field(ge=0)
    first: bool = False
    value: array_or_parts()  # type: ignore[valid-type]
    reward: float = 0.0
    terminated: bool = False
    truncated: bool = False
    measurements: dict[str, float] = Field(default_factory=dict)
    captured_ns: dict[str, int] = Field(default_factory=dict)
    """The graph's time at which each part was captured; parts with an unknown time are omitted.

    A single array has the name "".
    """

    def origin(self) -> Lineage:
        """Return the lineage of messages that derive from this observation; it identifies this observation."""
        # Dicts are read in a fifth of the time of a model's attributes.
        values = self.__dict__
        header = values["header"].__dict__
        return _lineage_of(
            {
                "source": header["source"],
                "incarnation": header["incarnation"],
                "sequence": header["sequence"],
                "stamp_ns": header["stamp_ns"],
                "tick": values["tick"],
                "episode": values["episode"],
            }
        )


class Screen(Message):
    """The image that a person would see, RGB uint8, (height, width, 3)."""

    tick: int = Field(ge=0)
    episode: int = Field(ge=0)
    image: array("uint8", None, None, 3)  # type: ignore[valid-type]


class CameraImage(Message):
    """A picture of a camera that is not part of a plant's observation."""

    image: array("uint8", None, None, None)  # type: ignore[valid-type]
    """(height, width, channels): grey, RGB or RGBA."""
    captured_ns: int
    """The graph's time at which it was captured."""
    frame_id: str = ""
    """The camera's coordinate frame, like the ``frame_id`` of ROS; empty if it has none."""


Action = int | npt.NDArray[np.generic]
"""An integer for ``Discrete`` actions, a vector for the others."""


def empty_observation(plant: PlantSpec) -> Value:
    """Return an observation of zeros, with the parts, dtypes and shapes of a plant's spec."""
    empty = {name: np.zeros(spec.shape, spec.dtype) for name, spec in plant.parts.items()}
    return empty if isinstance(plant.observation, PartsSpec) else empty[WHOLE]


class Applied(Message):
    """The action applied to the plant at a tick, with the timing of the tick.

    ``lineage`` in the header is that of the applied decision; it is empty if the default behaviour β acted.
    """

    tick: int = Field(ge=0)
    episode: int = Field(ge=0)
    action: int | array()  # type: ignore[valid-type]
    by: Literal["policy", "default", "reset"]
    """Who acted: the policy π or the default behaviour β; ``reset`` at the first tick of an episode, where neither acts."""
    worker: str | None = None
    decision: int | None = None
    """The ``number`` of the applied decision; None if the default behaviour β or nobody acted."""
    age_ticks: int | None = None
    """Ticks between the decision's observation and this tick."""
    age_ns: int | None = None
    starting: bool = False
    """Whether β acted only because no decision on an observation of this episode can be due yet."""
    delay_ticks: int = 0
    """D: with the gate ``playout``, the age in ticks at which the plant applies decisions; 0 with the gate ``latest``, which
    applies the newest decision at once."""
    due_ns: int
    lateness_ns: int
    """How long after ``due_ns`` the tick began."""
    work_ns: int = 0
    """Duration of the previous tick's work."""
    overruns: int = 0
    """Number of ticks so far that were still running when the next one was due."""
    slipped: int = 0
    """Number of ticks skipped so far to catch up with the clock."""
    reward: float = 0.0
    arrived: int = 0
    """Number of decisions received since the previous tick."""
    overwritten: int = 0
    late: int = 0
    dropped: int = 0
    refused: int = 0
    """Number of decisions received with an invalid action."""
    sent: int | array() | None = None  # type: ignore[valid-type]
    """The action that the plant sent to its device, if it differs from ``action``, the requested one."""
    captured_age_ns: dict[str, int] = Field(default_factory=dict)
    """Time from the capture of each part of this tick's observation to the tick; parts without a capture time are
    omitted."""
    pending: array() | None = None  # type: ignore[valid-type]
    """The field ``pending`` of the applied decision: the pending actions (decided, not yet applied) that the policy knew; None
    if its policy sees no pending actions, or if no decision was applied."""
    place: int = 0
    """The position of the action among the successive actions (the chunk) of its decision, from 0."""
    averaged: int = 0
    """Number of decisions over which the action is averaged, up to ``decision``; 0 if it is the action of one decision."""
    seen: tuple[int, ...] = ()
    """The ticks of the observations that the later stages of a pipeline saw, in order of the stages; empty if no later stage
    sees an observation."""


class EpisodeEnd(Message):
    """The return (sum of rewards) and length in ticks of a finished episode."""

    tick: int = Field(ge=0)
    """The plant's last tick of the episode."""
    episode: int = Field(ge=0)
    ticks: int = Field(ge=0)
    total_reward: float
    terminated: bool
    truncated: bool


EndReason = Literal["won", "lost", "game_over", "timeout"]
"""Why an episode ended: ``game_over`` in games that nobody wins, ``timeout`` if it was truncated."""


class Ending(Message):
    """Why an episode ended. Published just before its ``EpisodeEnd``, by plants that know the reason."""

    tick: int = Field(ge=0)
    """The plant's last tick of the episode."""
    episode: int = Field(ge=0)
    reason: EndReason
    encounter: str | None = None
    """The name of the episode's start state, such as a battle."""
    ticks: int = Field(ge=0)
    """Length of the episode."""
    actions: int = Field(ge=0)
    """Number of ticks at which an action other than the noop was applied."""
    measurements: dict[str, float] = Field(default_factory=dict)
    """The measurements of the last observation."""


RobotStateName = Literal["connecting", "homing", "holding", "running", "stale", "fault", "stopped"]
"""What a robot does: see ``rtgraph.nodes.robot.states``."""


class RobotState(Message):
    """The state of a robot, published at every change and twice a second."""

    state: RobotStateName
    reason: str = ""
    """Why the robot is in this state."""
    since_ns: int
    """The graph's time at which the state began."""
    sent: int = 0
    """Number of commands that the driver has sent so far."""
    faults: int = 0
    """Number of faults of the device so far."""
    abandoned: int = 0
    """Number of calls of the driver that never returned."""
    refused: dict[str, int] = Field(default_factory=dict)
    """Number of commands refused so far, by reason."""
    time_s: dict[str, float] = Field(default_factory=dict)
    """Time spent so far in each state, in seconds."""


class EStop(Message):
    """Stop a robot at once, until a message with ``reset`` arrives."""

    reset: bool = False
    """True: allow motion again. False: stop."""
    reason: str = ""
