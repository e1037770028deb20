"""What a policy sees beside an observation: pending actions and, if its network runs in stages, the later stages' observations.

Pending actions are those that are decided and not yet applied.

With a constant delay of D ticks, a decision on the observation of tick t acts at tick t + D. By then the decisions on the D
observations of ticks t - D to t - 1 have acted too, at ticks t to t + D - 1. Of these D actions, the observation of tick t
shows only the one that acts at tick t. An observation joined with the D actions is Markov again (Katsikopoulos & Engelbrecht,
2003; Walsh et al., 2009).

A chunk is the actions for h successive ticks. A network decides on the actions of a chunk one by one. When the network
decides on one action of the chunk, the earlier actions of the chunk are pending too. They are held in h - 1 more slots, after
the D slots.

A network of L stages runs one stage a tick. With temporal skip connections, each stage also reads the observation that is the
newest when the stage begins (Anokin et al., "Handling Delay in Real-Time Reinforcement Learning", ICLR 2025). So a decision
is computed from L observations: one for each stage. Replay memories and learners see these L observations as one observation
of several parts. Each array ``name`` of the plant's observation becomes L parts: ``name`` holds the array from the observation of
the first stage, and ``name@i`` holds the array from the observation of stage i.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, Self

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from rtgraph.msgs.array import Array
from rtgraph.msgs.base import Record
from rtgraph.msgs.plant import Action
from rtgraph.msgs.spaces import ActionSpec, ArraySpec, Continuous, Discrete, PartsSpec, PlantSpec, Value

PENDING = "pending"
"""The name of the part of an observation that holds the pending actions."""
OBSERVATION = "observation"
"""The name that a single-array observation gets when pending actions, or observations of later stages, are joined with it."""
PIPELINE = "pipeline"
"""The agent with a network that runs in stages."""


class DelayAware(Record):
    """Whether a policy sees the pending actions (decided, not yet applied), and when a worker reads them."""

    kind: Literal["none", "pending", "predict"] = "none"
    """Which pending actions (decided, not yet applied) a policy sees. ``none``: it sees none. ``pending``: those that are
    known when it decides. ``predict``: the same actions; the network uses them to predict the features of the observation
    at which its action will act."""
    read: Literal["start", "late"] = "late"
    """When a worker reads the pending actions. ``start``: when an inference begins. ``late``: just before the inference ends,
    after the trunk of the network."""
    slots: PositiveInt | None = Field(default=None, le=10_000)
    """D, the number of ticks between an observation and its action; null: ``latency_frames``, rounded up, at least 1."""
    latency_frames: float = Field(default=1.0, ge=0, le=1e6)
    """The duration of an inference in frames."""
    chunk: PositiveInt = Field(default=1, le=1000, exclude_if=lambda chunk: chunk == 1)
    """h, the number of successive ticks for which an inference gives actions."""

    @model_validator(mode="after")
    def _few_enough(self) -> Self:
        if self.kind == "predict" and self.chunk > 1:
            problem = f"a network that predicts gives one action, and chunk is {self.chunk}"
            raise ValueError(f"{problem}. hint: give delay_aware=pending, or chunk=1")
        if self.pending_slots > 10_000:
            raise ValueError(
                f"latency_frames={self.latency_frames:g} needs more than 10,000 pending actions. hint: give slots, at most 10,000"
            )
        return self

    @property
    def pending_slots(self) -> int:
        """The number of slots for pending actions (decided, not yet applied); 0 if the agent does not see pending actions."""
        if self.kind == "none":
            return 0
        return self.slots or max(1, math.ceil(self.latency_frames))

    @property
    def all_slots(self) -> int:
        """The number of slots for pending actions and for the earlier actions of a chunk (actions for successive ticks)."""
        return self.pending_slots + self.chunk - 1


def with_pending(plant: PlantSpec, slots: int) -> PlantSpec:
    """Return the spec of a plant after adding ``slots`` pending actions to its observations. For 0 slots, the spec is unchanged.

    Raises:
        ValueError: the plant has a part named ``pending``.
    """
    if not slots:
        return plant
    parts = (
        plant.observation.parts
        if isinstance(plant.observation, PartsSpec)
        else {OBSERVATION: plant.observation}
    )
    if PENDING in parts:
        raise ValueError(
            f"the plant's observation has a part named {PENDING!r}, which is reserved for the pending actions. hint: rename it"
        )
    joined = PartsSpec(parts={**parts, PENDING: PendingCode(plant.action, slots).spec})
    return plant.model_copy(update={"observation": joined})


def without_pending(observation: ArraySpec | PartsSpec) -> tuple[ArraySpec | PartsSpec, ArraySpec | None]:
    """Split the spec of an observation: return the spec without the pending actions, and the spec of the pending actions.

    The second is None if the observation has no pending actions.
    """
    if not isinstance(observation, PartsSpec) or PENDING not in observation.parts:
        return observation, None
    rest = {name: part for name, part in observation.parts.items() if name != PENDING}
    pending = observation.parts[PENDING]
    return (rest[OBSERVATION] if rest.keys() == {OBSERVATION} else PartsSpec(parts=rest)), pending


def joined(observation: Value, pending: Array) -> dict[str, Array]:
    """Return an observation with its pending actions as one more part. The actions are encoded by ``PendingCode``."""
    parts = observation if isinstance(observation, dict) else {OBSERVATION: observation}
    return {**parts, PENDING: pending}


def split(observation: Value) -> tuple[Value, Array | None]:
    """Split an observation: return the observation without the pending actions, and the encoded pending actions.

    The second is None if the observation has no pending actions.
    """
    if not isinstance(observation, dict) or PENDING not in observation:
        return observation, None
    rest = {name: part for name, part in observation.items() if name != PENDING}
    return (rest[OBSERVATION] if rest.keys() == {OBSERVATION} else rest), observation[PENDING]


def known_in(pending: Array) -> int:
    """Return how many slots hold a known action, given pending actions that ``PendingCode`` encoded."""
    if pending.dtype.kind == "f":
        return int(np.count_nonzero(pending[:, -1]))
    return int(np.count_nonzero(pending.reshape(len(pending), -1).any(axis=1)))


class PendingCode:
    """Encodes pending actions (decided, not yet applied) as one array, in the order in which they act.

    A discrete action is encoded as its number + 1: (slots,) or (slots, size) int16. A continuous action is normalised to ±1;
    a last column is 1 if the action is known: (slots, size + 1) float32. A slot without a known action holds zeros.

    Args:
        action: the spec of the plant's actions.
        slots: number of slots, one per pending action.
    """

    def __init__(self, action: ActionSpec, slots: int) -> None:
        self.slots = slots
        self._range: tuple[Array, Array] | None = None
        if isinstance(action, Continuous):
            low, high = np.array(action.low), np.array(action.high)
            half = (high - low) / 2
            self._range = (low + high) / 2, np.where(half > 0, half, 1.0)
            self.spec = ArraySpec(dtype="float32", shape=(slots, action.size + 1), low=-1, high=1)
        else:
            shape = (slots,) if isinstance(action, Discrete) else (slots, action.size)
            self.spec = ArraySpec(dtype="int16", shape=shape, low=0, high=action.count)

    def of(self, known: Mapping[int, Action]) -> Array:
        """Return pending actions in encoded form, with the shape and dtype described for the class.

        Args:
            known: the known pending actions by lag, from 1 to ``slots``. The lag is the age, in ticks, of the observation
                that the action was decided on.
        """
        code = np.zeros(self.spec.shape, self.spec.dtype)
        for lag, action in known.items():
            self.put(code, self.slots - lag, action)
        return code

    def put(self, code: Array, slot: int, action: Action) -> None:
        """Write an action into one slot of encoded pending actions."""
        if self._range is None:
            code[slot] = np.asarray(action) + 1
        else:
            middle, half = self._range
            code[slot, :-1] = np.clip((np.asarray(action) - middle) / half, -1, 1)
            code[slot, -1] = 1

    def extended(self, pending: Array | None) -> Array:
        """Return a copy of encoded pending actions with exactly ``slots`` slots. Empty slots are appended.

        Args:
            pending: encoded actions, at most ``slots``; None for no actions.
        """
        code = self.of({})
        if pending is not None:
            code[: len(pending)] = pending
        return code

    def fits(self, code: Array | None) -> bool:
        """Return whether an array has the shape and dtype of this encoding."""
        return code is not None and self.spec.admits(code)


class Pipeline(Record):
    """Whether an agent's network runs in stages, and what the stages observe."""

    agent: str = ""
    """The kind of agent. Only ``pipeline`` has stages."""
    stages: PositiveInt = Field(default=1, le=999)
    """L, the number of stages."""
    skip: bool = False
    """Whether every stage sees the newest observation (temporal skip connections)."""
    stage_frames: float = Field(default=1.0, gt=0, le=1e6)
    """The duration of a stage in frames."""

    @property
    def depth(self) -> int:
        """The number of stages of the network; 0 for an agent without stages."""
        return self.stages if self.agent == PIPELINE else 0

    @property
    def later(self) -> int:
        """The number of stages after the first that read a newer observation; 0 without temporal skip connections."""
        return self.depth - 1 if self.depth and self.skip else 0


def name_at(name: str, stage: int) -> str:
    """Return the name of an observation's part at a stage: ``name@stage``. At the first stage, 0, the name is unchanged."""
    return f"{name}@{stage}" if stage else name


def with_later(plant: PlantSpec, later: int) -> PlantSpec:
    """Return the spec of a plant after adding the observations of the later stages of a network.

    The later stages are the stages 1 to ``later``; stage 0 is the first. An added part has the name ``part@stage``. If ``later``
    is 0, the spec is unchanged.

    Raises:
        ValueError: the plant already has a part with such a name.
    """
    if not later:
        return plant
    parts = _named(plant.observation)
    added = {name_at(name, stage): part for stage in range(1, later + 1) for name, part in parts.items()}
    if both := sorted(parts.keys() & added.keys()):
        raise ValueError(
            f"the plant's observation has a part named {both[0]!r}: this name is used for the observation of a later stage of the "
            "network. hint: rename the part"
        )
    return plant.model_copy(update={"observation": PartsSpec(parts=parts | added)})


def without_later(observation: ArraySpec | PartsSpec, later: int) -> ArraySpec | PartsSpec:
    """Return the spec of the first stage's observation, given the spec that ``with_later`` returned."""
    if not later or not isinstance(observation, PartsSpec):
        return observation
    rest = {name: part for name, part in observation.parts.items() if name_at(name, 1) in observation.parts}
    return rest[OBSERVATION] if rest.keys() == {OBSERVATION} else PartsSpec(parts=rest)


def observed_by_stages(observations: Sequence[Value]) -> Value:
    """Join the observations of all stages, in order, into one observation. A single observation is returned unchanged."""
    if len(observations) == 1:
        return observations[0]
    found: dict[str, Array] = {}
    for stage, observation in enumerate(observations):
        found |= at_stage(observation, stage)
    return found


def at_stage(observation: Value, stage: int) -> dict[str, Array]:
    """Return the parts of an observation by their names at a stage: ``name@stage``. At the first stage, 0, names are unchanged."""
    parts = observation if isinstance(observation, dict) else {OBSERVATION: observation}
    return {name_at(name, stage): part for name, part in parts.items()}


def _named(observation: ArraySpec | PartsSpec) -> dict[str, ArraySpec]:
    return observation.parts if isinstance(observation, PartsSpec) else {OBSERVATION: observation}
