"""What replay memories, learners and those who act with what was learned say to each other."""

from __future__ import annotations

from pydantic import Field

from rtgraph.msgs.array import array
from rtgraph.msgs.base import Message


class WeightsVersion(Message):
    """Weights have a new version, which can be acted with from now on.

    Its parameters are in a slot of the memory that the nodes of a host share (see ``rtgraph.nodes.weights.weights``),
    for as long as nobody needs the slot for a newer one.
    """

    weights: str
    """The name of the weights in the graph."""
    version: int = Field(ge=0)
    """Updates applied."""
    life: int = 0
    """Which life of the learner made it: a later one may make the same version once more, another one."""
    slot: int = Field(ge=0)
    target_version: int | None = Field(default=None, ge=0)
    """The version whose parameters the target network has; None where nobody else computes with it."""
    target_slot: int | None = Field(default=None, ge=0)


class WeightsRequest(Message):
    """A node that shares no memory with the learner wants a version of the weights, or more parts of one."""

    receiver: str
    life: int | None = None
    """Of the version that has begun to come in; None for whichever is the newest."""
    version: int | None = None
    target: int | None = None
    """The version that the target network has which is here already, of the same life; it need not be sent again."""
    target_life: int | None = None
    first: int = Field(default=0, ge=0)
    """The first part that is wanted."""
    count: int = Field(ge=1)
    """How many parts are wanted at most."""


class WeightsChunk(Message):
    """A part of a version of the weights, to which the target network's may be joined. All but the last are of equal size."""

    life: int
    """That of the learner which made the version."""
    version: int = Field(ge=0)
    target: int | None = None
    """The version that the target network has; None where nobody else computes with it."""
    joined: bool = False
    """Whether the target network's weights follow in the same parts."""
    part: int = Field(ge=0)
    parts: int = Field(ge=1)
    content: array("uint8", None)  # type: ignore[valid-type]


class BatchRequest(Message):
    """A learner wants a batch. It is answered when the replay memory's limiter allows it."""

    learner: str
    incarnation: int
    number: int = Field(ge=0)
    """Counts the learner's requests."""
    size: int = Field(ge=1)
    correction: float = Field(default=1.0, ge=0, le=1)
    """β of prioritised sampling: how far importance weights make up for it."""
    in_place: bool = True
    """Whether the learner can map the ``store``; False: the frames are to be in the answer."""
    unread: int = Field(default=0, ge=0)
    """Batches that the learner got so far and could not read any more."""


class SampledBatch(Message):
    """A batch for one learner, B transitions: what ``rtgraph.nodes.replay.Batch`` holds."""

    number: int = Field(ge=0)
    """That of the request."""
    incarnation: int
    """That of the learner that asked."""
    store: str | None = None
    """Where the frames are, for a learner on the same host to map; None where they are in this message."""
    observations: array()  # type: ignore[valid-type]
    """The frames, (B, *shape); where there is a ``store``, their handles in it, (B,) int64."""
    actions: array()  # type: ignore[valid-type]
    returns: array("float32", None)  # type: ignore[valid-type]
    next_observations: array()  # type: ignore[valid-type]
    """As ``observations``."""
    discounts: array("float32", None)  # type: ignore[valid-type]
    weights: array("float32", None)  # type: ignore[valid-type]
    indices: array("int64", None)  # type: ignore[valid-type]
    """Which transitions these are, to tell their new priorities by."""
    ticks: int = Field(ge=0)
    """Ticks of plants that the replay memory has seen."""


class Priorities(Message):
    """The temporal-difference errors of transitions, which become their priorities."""

    indices: array("int64", None)  # type: ignore[valid-type]
    errors: array("float32", None)  # type: ignore[valid-type]
    drawn_by: int | None = None
    """The incarnation of the replay memory that drew them; None where it is not known."""


class ReplayState(Message):
    """What a replay memory holds, and what passed through it. Sent once a second."""

    transitions: int = Field(ge=0)
    capacity: int = Field(ge=0)
    frames: int = Field(ge=0)
    size_bytes: int = Field(ge=0)
    ticks: int = Field(ge=0)
    """Ticks of plants seen."""
    inserted: int = Field(ge=0)
    """Transitions inserted."""
    sampled: int = Field(ge=0)
    """Transitions sampled."""
    waiting: int = Field(ge=0)
    """Requests that the limiter holds back."""
    forgone: int = Field(default=0, ge=0)
    """Updates that fell due while nobody asked for a batch, and are not made up for."""


class Gradient(Message):
    """What a gradient learner found on one batch, offered to the learner that owns the weights."""

    learner: str
    place: int = Field(ge=0)
    """The learner's place in the cyclic order."""
    incarnation: int
    number: int = Field(ge=0)
    """Counts the learner's gradients."""
    based_on: int = Field(ge=0)
    """The version of the weights that it was computed on."""
    store: str | None = None
    """Where the vector is, for a learner on the same host to map; None where it is in this message."""
    vector: array("float32", None)  # type: ignore[valid-type]
    """One number a parameter; none where there is a ``store``."""
    loss: float
    q_mean: float
    samples: int = Field(ge=1)
    ticks: int = Field(ge=0)
    """Ticks of plants that the replay memory had seen."""


class GradientAnswer(Message):
    """What became of a gradient, told to the learner that offered it."""

    incarnation: int
    """That of the learner."""
    number: int = Field(ge=0)
    version: int | None = None
    """The version of the weights that it made; None where it was not used, and another is wanted."""
    in_place: bool = True
    """Whether the ``store`` could be mapped; False: the vector is to be in the message."""


class LearnerState(Message):
    """A gradient learner lives. Sent when ready, and twice a second while it does not compute."""

    learner: str
    place: int = Field(ge=0)
    incarnation: int


class Learned(Message):
    """An update was applied."""

    version: int = Field(ge=1)
    """The version of the weights that it made."""
    learner: str
    """Whose gradient it was; several are joined by commas."""
    delay: int = Field(default=0, ge=0)
    """Versions made between the one its gradient was computed on and its application."""
    loss: float
    q_mean: float
    """The mean over the batch of the values of the actions taken."""
    gradient_norm: float
    """Before it was clipped."""
    samples: int = Field(ge=1)
    """Transitions learned from."""
    update_ns: int = Field(ge=0)
    """How long the update took."""
    ticks: int = Field(ge=0)
    """Ticks of plants that the replay memory had seen when the batch was drawn."""


class LearningProgress(Message):
    """How learning goes: over the last few seconds, and of the return over the last episodes. None: not known."""

    tick: int = Field(ge=0)
    """Ticks of plants so far, those of the run that was resumed included."""
    episodes: int = Field(ge=0)
    """Episodes that ended, those of the run that was resumed included."""
    return_mean: float | None = None
    """The mean return of the last 20 of them."""
    explored: float | None = None
    """The share of decisions that were drawn at random."""
    loss: float | None = None
    updates_per_s: float | None = None
    version: int | None = None
    """The newest version of the weights."""
    staleness: float | None = None
    """Versions made since the one acted with, the mean over decisions."""
    transitions: int | None = None
    """Transitions in the replay memory."""
