"""Seeded faults of the virtual world: messages are lost, delayed or duplicated, and nodes crash."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from rtgraph.msgs import Record
from rtgraph.msgs.errors import WorldError
from rtgraph.nodes.runtime.interface.context import generator

Probability = Annotated[float, Field(ge=0, le=1)]


class EdgeFault(Record):
    """Faults of the messages from the output ``port`` of the node ``source`` to the node ``target``.

    ``*`` and ``?`` are wildcards in these three names. Each message is dropped with probability ``drop``, else duplicated with
    probability ``duplicate``. Each copy is delayed by a uniformly drawn time up to ``delay_most_ns``.
    """

    kind: Literal["edge"] = "edge"
    source: str = "*"
    target: str = "*"
    port: str = "*"
    drop: Probability = 0.0
    duplicate: Probability = 0.0
    delay_most_ns: int = Field(default=0, ge=0)


class CrashFault(Record):
    """A crash of a node at ``at_ns``. ``node`` is the node's name, or a pattern for several nodes.

    The node restarts ``restart_after_ns`` after the crash; never if this is None.
    """

    kind: Literal["crash"] = "crash"
    node: str
    at_ns: int = Field(ge=0)
    restart_after_ns: int | None = Field(default=None, ge=0)


Fault = Annotated[EdgeFault | CrashFault, Field(discriminator="kind")]


def crashes(
    faults: Sequence[EdgeFault | CrashFault], names: Iterable[str]
) -> Iterator[tuple[CrashFault, str]]:
    """Yield pairs of a crash and the name of a node that crashes. A crash is yielded once for each node that matches its pattern.

    Raises:
        WorldError: the ``node`` of a crash, a name or a pattern, matches no node.
    """
    known = tuple(names)
    for fault in faults:
        if isinstance(fault, CrashFault):
            matching = [name for name in known if fnmatch.fnmatchcase(name, fault.node)]
            if not matching:
                raise WorldError(
                    f"a crash cannot be injected: no node has a name that matches {fault.node!r}",
                    hint=f"the nodes are {', '.join(known)}; * and ? are wildcards",
                )
            yield from ((fault, name) for name in matching)


class FaultInjector:
    """Draws for each message whether it is dropped, delayed or duplicated."""

    def __init__(self, faults: Sequence[EdgeFault | CrashFault], seed: int) -> None:
        self._faults = [fault for fault in faults if isinstance(fault, EdgeFault)]
        self._rng = generator(seed, "faults", 0)

    def arrivals(self, source: str, target: str, port: str) -> list[int]:
        """Return the delay in ns of each copy of a message; empty if the message is lost.

        Only the first fault that matches the edge applies.
        """
        for fault in self._faults:
            if not _about(fault, source, target, port):
                continue
            if self._rng.random() < fault.drop:
                return []
            copies = 2 if self._rng.random() < fault.duplicate else 1
            if not fault.delay_most_ns:
                return [0] * copies
            return [int(self._rng.integers(fault.delay_most_ns + 1)) for _ in range(copies)]
        return [0]

    def world_state(self) -> np.random.Generator:
        """Return the state of the random generator. The faults are not part of it: the launch file gives them."""
        return self._rng

    def load_world_state(self, state: np.random.Generator) -> None:
        """Restore the random generator."""
        self._rng = state


def _about(fault: EdgeFault, source: str, target: str, port: str) -> bool:
    return (
        fnmatch.fnmatchcase(source, fault.source)
        and fnmatch.fnmatchcase(target, fault.target)
        and fnmatch.fnmatchcase(port, fault.port)
    )
