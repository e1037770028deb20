"""What inference workers say, to the plant and among themselves."""

from __future__ import annotations

from pydantic import Field

from rtgraph.msgs.array import array
from rtgraph.msgs.base import Message
from rtgraph.msgs.plant import Observation


class Decision(Message):
    """An action of the policy π. The header's lineage is the observation it was decided on."""

    worker: str
    number: int = Field(ge=0)
    """Counts the worker's decisions."""
    action: int | array()  # type: ignore[valid-type]
    began_ns: int
    """When the observation was read, in the graph's time."""
    inference_ns: int = Field(ge=0)
    """τ_θ, from reading the observation to having the action."""
    policy_version: int = 0
    explored: bool = False


class InferenceTime(Message):
    """How long an inference took (τ_θ); what the coordinator's staggering works from."""

    worker: str
    incarnation: int
    inference_ns: int = Field(ge=0)


class StaggerDelay(Message):
    """Staggering for one worker: sleep ``delay_ns`` more before the next inference; the times seen so far.

    ``maximum_ns`` is m of Algorithm 1, ``mean_ns`` μ of Algorithm 2 (Riemer et al., ICLR 2025).
    """

    delay_ns: int = Field(ge=0)
    maximum_ns: int = Field(ge=0)
    mean_ns: int = Field(ge=0)


class WorkerState(Message):
    """Whether a worker is busy, and with which claim. Sent when ready, after each decision, and twice a second."""

    worker: str
    incarnation: int
    busy: bool
    claim: int | None = None
    inference_ns: int | None = None
    """How long the inference just finished took."""


class Claim(Message):
    """One observation for one worker: nobody else infers from it. Carries the observation itself."""

    number: int = Field(ge=0)
    worker: str
    incarnation: int
    observation: Observation


class CoordinatorBeat(Message):
    """The coordinator is alive. Paced workers that miss it run free."""

    method: str
    live_workers: int = Field(ge=0)
