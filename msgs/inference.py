"""Messages of inference workers, to the plant and to each other."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rtgraph.msgs.array import array
from rtgraph.msgs.base import Message
from rtgraph.msgs.plant import Observation

ChunkOverlap = Literal["none", "newest", "average"]
"""Which action a plant applies at a tick for which two decisions with a chunk (several successive actions) hold an action."""


class Decision(Message):
    """An action of the policy π. The header's lineage is the observation that the policy used."""

    worker: str
    number: int = Field(ge=0)
    """The number of this decision: each worker counts its decisions from 0."""
    action: int | array()  # type: ignore[valid-type]
    began_ns: int
    """The graph's time at which the observation was read."""
    inference_ns: int = Field(ge=0)
    """τ_θ, the time from reading the observation to having the action."""
    policy_version: int = 0
    explored: bool = False
    pending: array() | None = None  # type: ignore[valid-type]
    """The pending actions (decided, not yet applied) that the policy knew, encoded as in ``rtgraph.msgs.pending``; None if
    the policy sees no pending actions."""
    chunk: array() | None = None  # type: ignore[valid-type]
    """The actions for the h - 1 ticks after that of ``action``, (h - 1, …); None if the decision is a single action."""
    seen: tuple[int, ...] = ()
    """The ticks of the observations that the later stages of a pipeline saw, in order of the stages; empty if the network has
    no temporal skip connections."""


class Features(Message):
    """The features that a stage of a layer-pipelined network passes to the next stage.

    The header's lineage is the oldest observation that they are computed from.
    """

    stage: int = Field(ge=0)
    """The number of the stage that computed the features; the first stage is 0."""
    values: array()  # type: ignore[valid-type]
    began_ns: int
    """The graph's time at which the first stage read the oldest observation."""
    seen: tuple[int, ...] = ()
    """The ticks of the observations that the later stages have seen so far, in order of the stages; empty if the network has
    no temporal skip connections."""


class InferenceTime(Message):
    """How long an inference took (τ_θ); the input of the coordinator's staggering."""

    worker: str
    incarnation: int
    inference_ns: int = Field(ge=0)


class StaggerDelay(Message):
    """Staggering for one worker: sleep ``delay_ns`` more before the next inference.

    The message also holds the measured inference times from which the delay was computed: ``maximum_ns`` is m of
    Algorithm 1, ``mean_ns`` is μ of Algorithm 2 (Riemer et al., ICLR 2025).
    """

    delay_ns: int = Field(ge=0)
    maximum_ns: int = Field(ge=0)
    mean_ns: int = Field(ge=0)


class WorkerState(Message):
    """Whether a worker is busy, and with which claim (an observation that the coordinator assigned to it).

    Sent when ready, after each decision, and twice a second.
    """

    worker: str
    incarnation: int
    busy: bool
    claim: int | None = None
    inference_ns: int | None = None
    """Duration of the last inference."""


class Claim(Message):
    """An observation that the coordinator assigns to one worker, so that no other worker uses the same observation."""

    number: int = Field(ge=0)
    worker: str
    incarnation: int
    observation: Observation


class CoordinatorBeat(Message):
    """The coordinator's heartbeat. Workers of the stagger method ``paced`` run without pacing if the heartbeat stops."""

    method: str
    live_workers: int = Field(ge=0)
