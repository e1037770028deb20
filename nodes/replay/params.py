"""The parameters of a replay memory."""

from __future__ import annotations

import math
from typing import Self

from pydantic import Field, field_validator, model_validator

from rtgraph.msgs import PlantSpec
from rtgraph.msgs.pending import DelayAware, Pipeline, with_later, with_pending
from rtgraph.nodes.replay.history import View
from rtgraph.nodes.replay.pending_history import PendingView
from rtgraph.nodes.replay.stage_history import StageView
from rtgraph.nodes.replay.storage.sizes import Order, Sampling
from rtgraph.nodes.runtime import Params
from rtgraph.nodes.runtime.identity import Identity


class ReplayParams(Params):
    """The parameters of a replay memory: its size, how transitions are made, and how many batches learners may sample."""

    plant: PlantSpec
    """The observations and actions of the plant (environment or robot): `${spec:plant}`."""
    identity: Identity = Field(default_factory=dict)
    """The identity of the plant's environment: `${identity:plant}`. Folders and recordings of another environment are
    rejected."""
    transfer: bool = False
    """Accept folders and recordings that come from another environment."""
    delay_aware: DelayAware = DelayAware()
    """Which pending actions (decided, not yet applied) the agent sees. Observations are stored together with these actions."""
    pipeline: Pipeline = Field(default=Pipeline(), exclude_if=lambda pipeline: not pipeline.depth)
    """For a network in stages: which observations the stages see at a decision. They are stored together as one observation."""
    capacity_mib: float = Field(default=256.0, gt=0)
    """Maximum size in MiB, in memory or on disk."""
    gamma: float = Field(default=0.99, gt=0, le=1)
    """The discount per tick."""
    n_step: int = Field(default=1, ge=1)
    """Number of decisions that a transition spans."""
    learn_default: bool = False
    """Learn also from the actions of the default behaviour β, which acts on ticks without a decision."""
    clip_rewards: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """The largest size of a tick's reward: transitions have rewards from -this to this. Null to keep rewards as they are.

    Only learning sees clipped rewards. Returns in metrics and recordings are those of the plant. Mnih et al. (2015) clip rewards
    to ±1, so that the same learning rate suits games with scores of very different size.
    """
    order: Order = "recent"
    """What a full memory keeps: the newest transitions, or a uniform sample of all transitions ever seen."""
    sampling: Sampling = "uniform"
    """How the transitions of a batch are drawn: all with equal probability, or in proportion to their priorities."""
    priority_exponent: float = Field(default=0.5, ge=0, le=1)
    """Alpha, the exponent of priorities in prioritised sampling; 0 is uniform."""
    minimum: int = Field(default=1000, ge=1)
    """Number of transitions that the memory must hold before the first batch is sampled."""
    updates_per_tick: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """Number of batches per tick of the environment, such as 0.25 for one batch every 4 ticks; 0 for no limit."""
    slack: int = Field(default=100, ge=1)
    """Maximum number of batches that wait while learners are slow or absent; further ones are skipped."""
    folder: str | None = None
    """The folder of a memory on disk. An existing memory is continued. Null or empty for a memory in RAM."""
    fill: tuple[str, ...] = ()
    """Recordings added to a new memory at the start, such as demonstrations: one path, or a list of paths. A continued memory reads
    no recording.
    """
    fill_age_ticks: int | None = Field(default=None, ge=1)
    """Age in ticks of the observation that an action in `fill` is based on, so that a slower agent can learn from it; null: see
    `fill_latency_frames`.
    """
    fill_latency_frames: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """`fill_age_ticks`, given as the duration of the agent's inference in frames. The duration is rounded up to whole ticks, at
    least 1. For a network in stages, the duration of all stages is used instead of this number. Null: the ages in the recordings.
    Not used if `fill_age_ticks` is given.
    """
    in_place: bool = True
    """In real time, let learners read frames (observations) from shared memory. If false, and in virtual time, messages carry the
    frames.
    """
    spare_frames: int = Field(default=256, ge=0)
    """Number of new frames stored before the memory of a dropped frame is reused. Learners have this time to read the frame."""

    @property
    def seen(self) -> PlantSpec:
        """What the agent sees, as a spec: observations, joined with pending actions or with the newer observations of later stages."""
        return with_later(with_pending(self.plant, self.delay_aware.all_slots), self.pipeline.later)

    @property
    def view(self) -> View | None:
        """What the agent sees at a decision besides one observation; None if it sees nothing else."""
        if self.pipeline.later:
            return StageView(self.pipeline.later)
        return self._pending_view

    @property
    def _pending_view(self) -> PendingView | None:
        aware = self.delay_aware
        if not aware.all_slots:
            return None
        return PendingView(self.plant.action, aware.pending_slots, aware.read, aware.chunk)

    @property
    def meaning(self) -> dict[str, object]:
        """Settings that all transitions of a memory share, such as the discount. A folder with other settings is rejected."""
        view = self._pending_view
        found: dict[str, object] = {"gamma": self.gamma, "n_step": self.n_step}
        found["learn_default"] = self.learn_default
        # Memories from before these do not say so.
        found |= {"clip_rewards": self.clip_rewards} if self.clip_rewards is not None else {}
        found |= {"pending": view.read} if view is not None and view.slots else {}
        return found | ({"chunk": view.chunk} if view is not None and view.chunk > 1 else {})

    @property
    def capacity_bytes(self) -> int:
        """Maximum size of the memory, in bytes."""
        return int(self.capacity_mib * 2**20)

    @property
    def filled_age_ticks(self) -> int | None:
        """The age in ticks of the observation that an action in `fill` is based on; None for the ages in the recording.

        For a network in stages, this is the age of the first stage's observation. Source: Riemer et al., ICLR 2025.
        """
        if self.fill_age_ticks is not None or self.fill_latency_frames is None:
            return self.fill_age_ticks
        if self.pipeline.depth:
            return math.ceil(self.pipeline.depth * self.pipeline.stage_frames)
        return max(1, math.ceil(self.fill_latency_frames))

    @model_validator(mode="after")
    def _stages_alone(self) -> Self:
        if self.pipeline.depth and self.delay_aware.all_slots:
            raise ValueError(
                "a network in stages reads no pending actions, and no earlier actions of a chunk. hint: delay_aware=none chunk=1"
            )
        return self

    @model_validator(mode="after")
    def _chunks_as_recorded(self) -> Self:
        if self.fill and self.filled_age_ticks is not None and self.delay_aware.chunk > 1:
            problem = f"a demonstration has no chunks, but this agent has chunks of {self.delay_aware.chunk} actions"
            raise ValueError(f"{problem}. hint: give chunk=1")
        return self

    @field_validator("fill", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        if isinstance(value, str):
            return (value,) if value else ()
        return tuple(value) if isinstance(value, list) else value or ()
