"""Messages between replay memories, learners, and the nodes that use the weights."""

from __future__ import annotations

from pydantic import Field

from rtgraph.msgs.array import array, array_or_parts
from rtgraph.msgs.base import Message


class WeightsVersion(Message):
    """A new version of the weights is available.

    The parameters are in a slot of the host's shared memory (see ``rtgraph.nodes.weights.weights``). A later version
    overwrites the slot.
    """

    weights: str
    """The name of the weights in the graph."""
    version: int = Field(ge=0)
    """The number of the version: how many updates led to the weights."""
    life: int = 0
    """The incarnation (number of restarts so far) of the learner that made the version. After a restart, a learner may use
    the same version number for other values."""
    slot: int = Field(ge=0)
    target_version: int | None = Field(default=None, ge=0)
    """The version of the target network's parameters; None if no other node uses the target network."""
    target_slot: int | None = Field(default=None, ge=0)


class WeightsRequest(Message):
    """A node without access to the shared memory requests a version of the weights, or the next parts of a version."""

    receiver: str
    life: int | None = None
    """The incarnation (number of restarts so far) of the learner that made a partly received version, to request the rest of
    the version. None requests the newest version."""
    version: int | None = None
    target: int | None = None
    """The version of the target network's weights that the node already has, from the same incarnation of the learner. These
    weights are not sent again. None if the node has no such weights."""
    target_life: int | None = None
    first: int = Field(default=0, ge=0)
    """The number of the first requested part."""
    count: int = Field(ge=1)
    """Maximum number of parts to send."""


class WeightsChunk(Message):
    """One of the parts in which a version of the weights is sent.

    All parts have the same size, except the last one. The target network's weights may follow in the same parts.
    """

    life: int
    """The incarnation (number of restarts so far) of the learner that made the version."""
    version: int = Field(ge=0)
    target: int | None = None
    """The version of the target network's weights; None if no other node uses the target network."""
    joined: bool = False
    """Whether the target network's weights follow the weights, in the same parts."""
    part: int = Field(ge=0)
    parts: int = Field(ge=1)
    content: array("uint8", None)  # type: ignore[valid-type]


class BatchRequest(Message):
    """A learner requests a batch.

    The replay memory limits the number of batches per tick of the plant, so the answer may come later.
    """

    learner: str
    incarnation: int
    number: int = Field(ge=0)
    """The number of the request: each learner counts its requests from 0."""
    size: int = Field(ge=1)
    correction: float = Field(default=1.0, ge=0, le=1)
    """β of prioritised sampling: the exponent of the importance weights."""
    in_place: bool = True
    """Whether the learner can map the file of frames into its memory. If False, the answer contains the frames."""
    unread: int = Field(default=0, ge=0)
    """Number of batches so far that the learner could not read. Their frames were overwritten, or their file could not be
    mapped."""


class SampledBatch(Message):
    """A batch of B transitions for one learner, with the fields of ``rtgraph.nodes.replay.Batch``."""

    number: int = Field(ge=0)
    """The number of the answered request."""
    incarnation: int
    """The incarnation (number of restarts so far) of the learner that sent the request."""
    store: str | None = None
    """The path of the file with the frames, which a learner on the same host maps into its memory; None if this message
    contains the frames."""
    observations: array_or_parts()  # type: ignore[valid-type]
    """The observations, (B, *shape); a dict of such arrays if an observation has several parts. With a ``store``: the
    numbers (handles) of the frames in the file, (B,) int64."""
    actions: array()  # type: ignore[valid-type]
    returns: array("float32", None)  # type: ignore[valid-type]
    next_observations: array_or_parts()  # type: ignore[valid-type]
    """The observation at the end of each transition, in the form of ``observations``."""
    discounts: array("float32", None)  # type: ignore[valid-type]
    weights: array("float32", None)  # type: ignore[valid-type]
    indices: array("int64", None)  # type: ignore[valid-type]
    """The indices of the transitions in the replay memory, (B,). The learner sends them back with new priorities."""
    demonstrated: array("bool", None) | None = None  # type: ignore[valid-type]
    """Whether each transition comes from a demonstration, (B,); None if the memory never held a demonstration."""
    ticks: int = Field(ge=0)
    """Number of plant ticks that the replay memory has seen."""


class Priorities(Message):
    """The temporal-difference errors of transitions. The replay memory computes new priorities from the errors."""

    indices: array("int64", None)  # type: ignore[valid-type]
    errors: array("float32", None)  # type: ignore[valid-type]
    drawn_by: int | None = None
    """The incarnation (number of restarts so far) of the replay memory that sampled the transitions; None if it is unknown."""


class ReplayState(Message):
    """The contents and counters of a replay memory. Sent once a second."""

    transitions: int = Field(ge=0)
    capacity: int = Field(ge=0)
    frames: int = Field(ge=0)
    size_bytes: int = Field(ge=0)
    ticks: int = Field(ge=0)
    """Number of plant ticks seen."""
    inserted: int = Field(ge=0)
    """Number of transitions inserted."""
    sampled: int = Field(ge=0)
    """Number of transitions sampled."""
    waiting: int = Field(ge=0)
    """Number of batch requests that wait, because the replay memory limits the number of batches per tick."""
    forgone: int = Field(default=0, ge=0)
    """Number of updates that were skipped: they were due, but no learner requested a batch."""


class Gradient(Message):
    """The gradient of one batch, sent by a gradient learner to the learner that owns the weights."""

    learner: str
    place: int = Field(ge=0)
    """The learner's position in the order in which the owner of the weights applies the learners' gradients, in turn."""
    incarnation: int
    number: int = Field(ge=0)
    """The number of the gradient: each learner counts its gradients from 0."""
    based_on: int = Field(ge=0)
    """The version of the weights that the gradient was computed with."""
    store: str | None = None
    """The path of the file with the gradient, which a learner on the same host maps into its memory; None if this message
    contains the gradient."""
    vector: array("float32", None)  # type: ignore[valid-type]
    """The gradient, one element per parameter; empty if there is a ``store``."""
    loss: float
    q_mean: float
    samples: int = Field(ge=1)
    ticks: int = Field(ge=0)
    """Number of plant ticks that the replay memory had seen."""


class GradientAnswer(Message):
    """Tells a gradient learner whether its gradient was used."""

    incarnation: int
    """The incarnation (number of restarts so far) of the gradient learner."""
    number: int = Field(ge=0)
    version: int | None = None
    """The version of the weights that the gradient made. None if the gradient was not used: the learner must send a new one."""
    in_place: bool = True
    """Whether the owner of the weights could map the gradient's ``store``. If False, the learner must send the gradient in the
    message."""


class LearnerState(Message):
    """A gradient learner's heartbeat. Sent when ready, and twice a second while it does not compute."""

    learner: str
    place: int = Field(ge=0)
    incarnation: int


class Learned(Message):
    """An update was applied to the weights."""

    version: int = Field(ge=1)
    """The version of the weights that the update made."""
    learner: str
    """The learner that computed the gradient; several names are joined by commas."""
    delay: int = Field(default=0, ge=0)
    """How many new versions of the weights were made between computing the gradient and applying it. If several gradients were
    applied together, the largest of these numbers."""
    loss: float
    q_mean: float
    """Mean value Q(s, a) of the actions taken, over the batch."""
    gradient_norm: float
    """The gradient's norm before clipping."""
    samples: int = Field(ge=1)
    """Number of transitions in the batch."""
    update_ns: int = Field(ge=0)
    """Duration of the update, in ns."""
    ticks: int = Field(ge=0)
    """Number of plant ticks that the replay memory had seen when the batch was sampled."""


class LearningProgress(Message):
    """Progress of learning. Means are over the last few seconds, the mean return over the last episodes.

    A value is None if it is unknown.
    """

    tick: int = Field(ge=0)
    """Number of plant ticks so far, including those of the resumed run."""
    episodes: int = Field(ge=0)
    """Number of finished episodes, including those of the resumed run."""
    return_mean: float | None = None
    """Mean return of the last 20 episodes."""
    explored: float | None = None
    """Share of decisions with an action that was drawn uniformly at random."""
    loss: float | None = None
    """Mean loss of the updates. If there was no update in the last few seconds, the previous mean."""
    updates_per_s: float | None = None
    version: int | None = None
    """The newest version of the weights."""
    staleness: float | None = None
    """Mean age of the weights used for a decision: the number of newer versions that existed."""
    transitions: int | None = None
    """Number of transitions in the replay memory."""
