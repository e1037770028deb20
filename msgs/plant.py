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
    """The graph's time, in ns, at which each part of the observation was captured. Parts with an unknown time are omitted.

    A single array has the name "".
    """

    def origin(self) -> Lineage:
        """Return the lineage for messages that derive from this observation: it identifies the observation."""
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
    """The graph's time, in ns, at which the picture was captured."""
    frame_id: str = ""
    """The camera's coordinate frame, like the ``frame_id`` of ROS; empty if it has none."""


Action = int | npt.NDArray[np.generic]
"""An integer for ``Discrete`` actions, a vector for the others."""


def empty_observation(plant: PlantSpec) -> Value:
    """Return an observation of zeros with the parts, dtypes and shapes of a plant's spec."""
    empty = {name: np.zeros(spec.shape, spec.dtype) for name, spec in plant.parts.items()}
    return empty if isinstance(plant.observation, PartsSpec) else empty[WHOLE]


class Applied(Message):
    """The action applied to the plant at a tick, with the timing of the tick.

    ``lineage`` in the header is copied from the applied decision; None if no decision was applied.
    """

    tick: int = Field(ge=0)
    episode: int = Field(ge=0)
    action: int | array()  # type: ignore[valid-type]
    by: Literal["policy", "default", "reset"]
    """Who acted: the policy π or the default behaviour β; ``reset`` at the first tick of an episode, where neither acts."""
    worker: str | None = None
    decision: int | None = None
    """The number of the applied decision, counted by its worker. None if the default behaviour β or nobody acted."""
    age_ticks: int | None = None
    """Age, in ticks, of the observation that the policy used for this action. None if no decision was applied."""
    age_ns: int | None = None
    starting: bool = False
    """Whether β acted only because the episode has just begun: no decision on an observation of the episode can act yet."""
    delay_ticks: int = 0
    """D, the age in ticks at which the plant applies decisions, if its gate is ``playout``. 0 if its gate is ``latest``,
    which applies the decision on the newest observation at once. The gate is the rule by which a plant chooses decisions."""
    due_ns: int
    lateness_ns: int
    """How long after ``due_ns`` the tick began, in ns."""
    work_ns: int = 0
    """How long the plant worked on the previous tick, in ns."""
    overruns: int = 0
    """Number of ticks so far that took longer than a period: the next tick was due before they ended."""
    slipped: int = 0
    """Number of ticks skipped so far to catch up with the clock."""
    reward: float = 0.0
    arrived: int = 0
    """Number of decisions received since the previous tick."""
    overwritten: int = 0
    late: int = 0
    dropped: int = 0
    refused: int = 0
    """Number of decisions since the previous tick that were refused: an action did not fit the spec, or a robot's safety rules
    forbade the action."""
    sent: int | array() | None = None  # type: ignore[valid-type]
    """The action that the plant sent to its device, if it differs from ``action``, the requested one."""
    captured_age_ns: dict[str, int] = Field(default_factory=dict)
    """Time in ns from the capture of each part of this tick's observation to the tick. Parts without a capture time are
    omitted."""
    pending: array() | None = None  # type: ignore[valid-type]
    """The pending actions (decided, not yet applied) that the policy knew when it decided. None if the policy sees no pending
    actions, or if no decision was applied."""
    place: int = 0
    """The position of the applied action in the decision's chunk (actions for successive ticks), from 0."""
    averaged: int = 0
    """Number of decisions of which the action is the average; 0 if it is the action of one decision. ``decision`` is the newest
    of these decisions."""
    seen: tuple[int, ...] = ()
    """The tick of the observation that each later stage of the network saw, in order of the stages; empty if no later stage
    sees an observation."""


class EpisodeEnd(Message):
    """A finished episode: its return (sum of rewards), and its length in ticks."""

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
    """Why an episode ended. Published just before the message ``EpisodeEnd``, by plants that know the reason."""

    tick: int = Field(ge=0)
    """The plant's last tick of the episode."""
    episode: int = Field(ge=0)
    reason: EndReason
    encounter: str | None = None
    """The name of the state in which the episode began, such as a battle."""
    ticks: int = Field(ge=0)
    """Length of the episode."""
    actions: int = Field(ge=0)
    """Number of ticks at which an action other than the noop was applied."""
    measurements: dict[str, float] = Field(default_factory=dict)
    """The measurements in the last observation of the episode, by name."""


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
    """Number of commands that the driver has sent to the device so far."""
    faults: int = 0
    """Number of faults of the device so far."""
    abandoned: int = 0
    """Number of calls of the driver so far that never returned."""
    refused: dict[str, int] = Field(default_factory=dict)
    """Number of commands refused so far, by reason."""
    time_s: dict[str, float] = Field(default_factory=dict)
    """Time spent so far in each state, in seconds."""


class EStop(Message):
    """Stop a robot at once, until a message with ``reset`` arrives."""

    reset: bool = False
    """True: allow motion again. False: stop."""
    reason: str = ""
