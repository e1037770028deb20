"""A node that keeps given objects, for tests of what a world checkpoint saves."""

from __future__ import annotations

import enum
import functools
import threading
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from support.chatter import Ping

from rtgraph.msgs import Header
from rtgraph.nodes.runtime import InputPlan, LaunchContext, NodePlan, Output, Params, VirtualWorld
from rtgraph.nodes.runtime.interface.node import Node


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Pair(NamedTuple):
    left: object
    right: object


@dataclass(frozen=True, slots=True)
class Frozen:
    number: int
    inner: tuple[Any, ...] = ()


@dataclass(eq=False)
class Linked:
    name: str
    next: Linked | None = None
    others: list[Linked] = field(default_factory=list)


class Slotted:
    __slots__ = ("__private", "plain", "unset")

    def __init__(self) -> None:
        self.__private = 1
        self.plain = 2

    def private(self) -> int:
        return self.__private


class Counting:
    """Holds a generator, which only the class itself can create again."""

    def __init__(self, start: int, owner: object = None) -> None:
        self.at = start
        self.owner = owner
        self.numbers = (n for n in range(start, 10**6))

    def take(self) -> int:
        self.at = next(self.numbers)
        return self.at

    def world_state(self) -> object:
        return {"next": self.at + 1, "owner": self.owner}

    def load_world_state(self, state: Any) -> None:
        # The objects that it refers to are complete by now.
        self.seen_of_owner = getattr(state["owner"], "at", None)
        Counting.__init__(self, state["next"], state["owner"])


class Bound(functools.partial[None]):
    """A class in Python with state in memory of C: the function and its arguments."""


def doubled(number: int) -> int:
    return 2 * number


class KeeperNode(Node[Params]):
    """Keeps what ``made`` returns when it starts; every second it publishes a random number."""

    made: Any = None
    ping = Output(Ping)

    def on_start(self) -> None:
        self.kept: Any = type(self).made(self)
        self.every(1_000_000_000, self._tell)

    def _tell(self) -> None:
        self.ping.publish(Ping(number=int(self.rng.integers(1000))))

    def method(self, number: int) -> int:
        return number + 1


class SlottedNode(KeeperNode):
    """A node with attributes in slots, one of them private and one not yet set."""

    __slots__ = ("__private", "plain", "unset")

    def on_start(self) -> None:
        super().on_start()
        self.__private, self.plain = [1], self.kept

    def private(self) -> list[int]:
        return self.__private


class LocalNode(KeeperNode, threading.local):
    """A node with state in memory of C: the attributes of other threads."""


def world(make: Any, directory: Path | None = None, node: str = "KeeperNode") -> VirtualWorld:
    """Return a world with a node that keeps what ``make`` returns, and a sink for its messages, one per second."""
    KeeperNode.made = staticmethod(make)
    plan = NodePlan(name="keeper", index=0, node=f"support.keeping:{node}", outputs={"ping": "ping"})
    hearing = NodePlan(
        name="sink",
        index=1,
        node="support.chatter:Sink",
        inputs={"ping": InputPlan(topic="ping", publishers=("keeper",))},
    )
    return VirtualWorld([plan, hearing], launch_context=LaunchContext(directory=directory))


def everything(node: KeeperNode) -> dict[str, Any]:
    """Return one object of each kind that can be saved, some of them referenced twice."""
    shared = [1, 2]
    whole = np.arange(1000, dtype=np.float32).reshape(40, 25)
    ring = Linked("a")
    ring.next = Linked("b", ring, [ring])
    child = np.random.default_rng(7)
    child.spawn(3)
    other = Counting(5)
    other.take()
    return {
        "plain": (None, True, 1, -(2**70), 1.5, float("inf"), "text", b"bytes"),
        "shared": [shared, shared, (shared,)],
        "sets": [{1, 2}, frozenset({3, "x"}), {Frozen(1, (2,)): "value"}],
        "containers": [deque([1, 2], maxlen=3), Counter("aab"), OrderedDict(b=1, a=2)],
        "enum": [Colour.RED, Colour.BLUE],
        "pair": Pair(shared, Colour),
        "frozen": Frozen(3, (Frozen(4),)),
        "ring": ring,
        "slotted": Slotted(),
        "arrays": [
            whole,
            whole[3:9, ::2],
            whole.T,
            np.float32(2.5),
            np.zeros((0, 3)),
            np.array(7),
            np.bool_(1),
        ],
        "no bytes": [
            np.array(["text", ""])[1],
            np.bytes_(b""),
            np.ndarray((2, 3), "U0"),
            np.zeros(2, "V0"),
            np.zeros((2, 0), "V0"),
            np.zeros(3, [("a", "<i4"), ("b", "V0")])["b"],
            np.zeros(3, "V0")[1:],
            np.zeros(3, [("a", "<f4", (0,))]),
        ],
        "fortran": np.asfortranarray(np.arange(600.0).reshape(20, 30)),
        "structured": np.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f8", (2,))]),
        "tensor": torch.arange(300, dtype=torch.bfloat16).reshape(3, 100),
        "rng": [
            node.rng,
            np.random.Generator(np.random.SFC64(3)),
            np.random.Generator(np.random.MT19937(1)),
            child,
        ],
        "calls": [
            node.method,
            doubled,
        ],
        "message": Ping(number=3, said="unsent"),
        "header": Header(source="a", incarnation=0, sequence=1, stamp_ns=2),
        "stateful": Counting(20, other),
        "log": node.log,
        "ports": [node.ping, node.context, node.context.launch_context],
        "paths": [Path("elsewhere"), node.context.launch_context.directory],
    }
