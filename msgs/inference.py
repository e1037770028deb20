"""Messages that inference workers exchange with the plant (emulator or robot), the coordinator and each other."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rtgraph.msgs.array import array
from rtgraph.msgs.base import Message
from rtgraph.msgs.plant import Observation

ChunkOverlap = Literal["none", "newest", "average"]
"""How a plant chooses its action where chunks (actions for successive ticks) of two decisions overlap.

``none``: a chunk ends before the next one begins. ``newest``: a new chunk replaces the old one at once. ``average``: the
actions for a tick are averaged.
"""


class Decision(Message):
    """An action of the policy π. The header's lineage identifies the observation that the policy used."""

    worker: str
    number: int = Field(ge=0)
    """The number of this decision: each worker counts its decisions from 0."""
    action: int | array()  # type: ignore[valid-type]
    began_ns: int
    """The graph's time, in ns, at which the worker read the observation."""
    inference_ns: int = Field(ge=0)
    """τ_θ, the time from reading the observation to having the action, in ns."""
    policy_version: int = 0
    explored: bool = False
    pending: array() | None = None  # type: ignore[valid-type]
    """The pending actions (decided, not yet applied) that the policy knew, encoded by ``rtgraph.msgs.pending.PendingCode``.
    None if the policy sees no pending actions."""
    chunk: array() | None = None  # type: ignore[valid-type]
    """If a decision has actions for h successive ticks: ``action`` is the first of them, and ``chunk`` holds all later ones in
    order, (h - 1, …). None if the decision is a single action."""
    seen: tuple[int, ...] = ()
    """The tick of the observation that each later stage of the network saw, in order of the stages. Empty unless the network
    runs in stages with temporal skip connections."""


class Features(Message):
    """The features that one stage (group of layers) of a network passes to the next stage.

    The header's lineage is the oldest observation that they are computed from.
    """

    stage: int = Field(ge=0)
    """The number of the stage that computed the features; the first stage is 0."""
    values: array()  # type: ignore[valid-type]
    began_ns: int
    """The graph's time, in ns, at which the first stage read the oldest observation."""
    seen: tuple[int, ...] = ()
    """The tick of the observation that each later stage of the network has seen so far, in order of the stages. Empty unless
    the network has temporal skip connections."""


class InferenceTime(Message):
    """How long an inference took (τ_θ). The coordinator computes the delays between the workers from it."""

    worker: str
    incarnation: int
    inference_ns: int = Field(ge=0)


class StaggerDelay(Message):
    """Asks one worker to wait ``delay_ns`` longer before its next inference, so that the workers are staggered.

    The message also holds the inference time that the algorithm in use computes: m of Algorithm 1 in ``maximum_ns``, or μ of
    Algorithm 2 in ``mean_ns`` (Riemer et al., ICLR 2025). The field of the algorithm that is not in use is 0.
    """

    delay_ns: int = Field(ge=0)
    maximum_ns: int = Field(ge=0)
    mean_ns: int = Field(ge=0)


class WorkerState(Message):
    """Whether a worker is busy, and with which claim (an observation that the coordinator assigned to the worker).

    Sent by a worker when ready, when ignoring an outdated claim, and twice a second. With the stagger method ``paced``, also
    sent after each decision.
    """

    worker: str
    incarnation: int
    busy: bool
    claim: int | None = None
    inference_ns: int | None = None
    """Duration of the last inference, in ns."""


class Claim(Message):
    """Assigns an observation to one worker, so that no other worker uses the same observation."""

    number: int = Field(ge=0)
    worker: str
    incarnation: int
    observation: Observation


class CoordinatorBeat(Message):
    """The coordinator's heartbeat. If it stops, workers of the stagger method ``paced`` go on without staggering."""

    method: str
    live_workers: int = Field(ge=0)
