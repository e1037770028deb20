"""What the runtime provides to a node: identity, clock, random generator, timers and publishing."""

from __future__ import annotations

import enum
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rtgraph.msgs import Lineage
from rtgraph.nodes.runtime.interface.ports import BoundOutput


class Urgency(enum.IntEnum):
    """The order of events at the same time.

    In real time, only the scheduled calls of one node have this order. In virtual time all events have it.

    Events are ordered by time, then by urgency, then by the node's place in the plan (the resolved launch file), then by the
    order in which they were scheduled.

    At one time, first messages arrive and work completes, then plants (environments or robots) tick, then timers fire, then
    nodes become free. So a decision that is published exactly at a tick counts for that tick. A worker that becomes free at a
    tick can read the observation of that tick.
    """

    DELIVERY = 0
    TICK = 1
    TIMER = 2
    FREE = 3


@dataclass(slots=True, eq=False)
class Timer:
    """A scheduled call. ``cancel`` removes it."""

    due_ns: int
    handler: Callable[[], None]
    urgency: Urgency
    period_ns: int | None = None
    cancelled: bool = False
    number: int = 0
    """The number of the timer among the timers of its node."""
    completes: bool = False
    """Whether the call ends the node's busy time."""

    def cancel(self) -> None:
        """Cancel the call, or all further calls if the call is repeated. Do nothing if the call was already made."""
        self.cancelled = True


@dataclass(frozen=True, slots=True)
class Identity:
    """Identifies a running node: its full name, its index among its replicas, and its incarnation (number of restarts)."""

    name: str
    replica: int = 0
    replicas: int = 1
    incarnation: int = 0


@dataclass(frozen=True, slots=True)
class RunLimits:
    """The limits at which a run of a graph ends: a number of ticks and a duration; None for no limit.

    A node that runs in real time does not know the duration: for this node it is None.
    """

    ticks: int | None = None
    duration_ns: int | None = None


class SharedWeights(Protocol):
    """Weights of a neural network that several nodes share. The runtime passes them to each node.

    A checkpoint of the virtual world saves ``versions``.
    """

    @property
    def versions(self) -> object: ...


@dataclass(frozen=True, slots=True)
class Placement:
    """What is known about a node before any node starts: its name, whether it runs in real time, and the weights in its graph."""

    name: str
    realtime: bool
    weights: Mapping[str, SharedWeights] = field(default_factory=dict)
    """The shared weights of the graph, by name."""


@dataclass(frozen=True, slots=True)
class LaunchContext:
    """What a node may know about the launch (the run of its graph)."""

    realtime: bool = False
    limits: RunLimits = field(default_factory=RunLimits)
    directory: Path | None = None
    """The session folder, to which the launch writes its files; None if nothing is written."""
    weights: Mapping[str, SharedWeights] = field(default_factory=dict)
    runtime_directory: Path | None = None
    """The private folder with the sockets of the launch; None in virtual time, or if the sockets are not in a folder."""
    stop_s: float = 0.0
    """Maximum time that the node may take to stop, in seconds; 0 if not set."""


class Context(Protocol):
    """The runtime's interface for a node. ``Node`` has a method or property for most members."""

    identity: Identity
    rng: np.random.Generator
    log: logging.Logger
    launch_context: LaunchContext

    def now_ns(self) -> int: ...
    def at(self, due_ns: int, handler: Callable[[], None], urgency: Urgency) -> Timer: ...
    def every(self, period_ns: int, handler: Callable[[], None]) -> Timer: ...
    def spend(self, duration_ns: int, then: Callable[[], None] | None) -> None: ...
    def finish(self, reason: str) -> None: ...
    def preparing(self, what: str, done: int, total: int) -> bool: ...
    def send(
        self, output: BoundOutput[Any], message: Any, lineage: Lineage | None, key: str | None
    ) -> None: ...


def generator(seed: int, name: str, incarnation: int) -> np.random.Generator:
    """Return a node's random generator. Each node has a different seed, and a new seed after each restart."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "little"), incarnation])
