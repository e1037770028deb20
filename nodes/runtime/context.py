"""What a node is given: its identity, the clock, chance, timers and a way to publish."""

from __future__ import annotations

import enum
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rtgraph.msgs import Lineage
from rtgraph.msgs.errors import NodeError

if TYPE_CHECKING:
    from rtgraph.nodes.runtime.ports import BoundOutput
    from rtgraph.nodes.weights.weights import Weights


class Urgency(enum.IntEnum):
    """The order of events, in both worlds: by time, then urgency, then place of the node in the plan, then scheduling.

    This is the tie rule, and it stands nowhere else in the code. At equal times messages arrive and work is completed,
    then plants tick, then timers fire, then nodes become free. What is published with no delay at an instant arrives
    before anything less urgent of that instant, so that a relay between two nodes changes nothing. So a decision that
    is due exactly at a tick counts for it, and an observation is readable at its own instant by a worker that becomes
    free then.
    """

    DELIVERY = 0
    TICK = 1
    TIMER = 2
    FREE = 3


@dataclass(slots=True, eq=False)
class Timer:
    """A call that is to come. ``cancel`` takes it back."""

    due_ns: int
    handler: Callable[[], None]
    urgency: Urgency
    period_ns: int | None = None
    cancelled: bool = False
    number: int = 0
    """Which of its node's timers it is."""
    completes: bool = False
    """It ends what keeps the node busy."""

    def cancel(self) -> None:
        """Take the call back; harmless when it was made already."""
        self.cancelled = True


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a node is: its full name, its place among its replicas, and which life of it this is."""

    name: str
    replica: int = 0
    replicas: int = 1
    incarnation: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """When a graph is to end by itself."""

    ticks: int | None = None
    duration_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """What is known of a node's place in its graph before anything starts."""

    name: str
    realtime: bool
    weights: Mapping[str, Weights] = field(default_factory=dict)
    """The weights of the graph, by name."""

    def weights_named(self, name: str) -> Weights:
        """Return weights of the graph.

        Raises:
            NodeError: it has none of that name.
        """
        return named_weights(self.weights, name)


@dataclass(frozen=True, slots=True)
class LaunchContext:
    """What a node may know of the launch it is part of."""

    realtime: bool = False
    limits: Limits = field(default_factory=Limits)
    directory: Path | None = None
    """The session folder, or None where nothing is to be written."""
    weights: dict[str, Weights] = field(default_factory=dict)

    def weights_named(self, name: str) -> Weights:
        """Return weights of the graph.

        Raises:
            NodeError: it has none of that name.
        """
        return named_weights(self.weights, name)


def named_weights(weights: Mapping[str, Weights], name: str) -> Weights:
    """Return the weights of that name.

    Raises:
        NodeError: there are none.
    """
    if name not in weights:
        known = ", ".join(weights) or "none"
        raise NodeError(f"the graph has no weights named {name!r}", hint=f"it has {known}")
    return weights[name]


class Context(Protocol):
    """What the runtime gives a node. ``Node`` has a method or property for each."""

    identity: Identity
    rng: np.random.Generator
    log: logging.Logger
    launch_context: LaunchContext

    def now_ns(self) -> int: ...
    def at(self, due_ns: int, handler: Callable[[], None], urgency: Urgency) -> Timer: ...
    def every(self, period_ns: int, handler: Callable[[], None]) -> Timer: ...
    def spend(self, duration_ns: int, then: Callable[[], None] | None) -> None: ...
    def finish(self, reason: str) -> None: ...
    def send(
        self, output: BoundOutput[Any], message: Any, lineage: Lineage | None, key: str | None
    ) -> None: ...


def generator(seed: int, name: str, incarnation: int) -> np.random.Generator:
    """Return a node's own generator: independent of every other node's, and new after a restart."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "little"), incarnation])
