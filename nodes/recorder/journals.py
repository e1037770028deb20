"""Reads the journals in a recording. A journal lists what one node consumed and published, so that the node can be run again.

A new journal begins at each start of the node. A journal is stored in parts, and a digest in each part reveals missing or
changed parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgpack

from rtgraph.msgs import decode
from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.errors import DecodeError
from rtgraph.msgs.session import Journal
from rtgraph.nodes.runtime.journal import DELIVERY_LENGTH, OUTPUT, Kind, chained


@dataclass(slots=True)
class NodeJournal:
    """The journal of one run of a node's process: what the node consumed and published. ``incarnation`` counts the restarts."""

    node: str
    incarnation: int
    entries: list[list[Any]] = field(default_factory=list)
    problem: str = ""
    """What is wrong with the journal; an empty text if it is correct. Entries after the problem are left out."""
    gap: bool = False
    """Whether ``problem`` is a missing part of the journal."""
    until_ns: int = 0

    @property
    def whole(self) -> bool:
        """Whether the journal ends with the node's normal stop."""
        return bool(self.entries) and self.entries[-1][0] == Kind.STOP

    def deliveries(self) -> Iterator[list[Any]]:
        """Yield the entries about messages that the node received, in the order of receipt."""
        for kind, _, what, published in self.entries:
            if kind == Kind.DELIVERY:
                yield what
            yield from (item for item in published if len(item) >= DELIVERY_LENGTH)


def journals(bag: Bag) -> list[NodeJournal]:
    """Return the journals in a recording: for each node, one journal for each start of its process."""
    found: dict[tuple[str, int], NodeJournal] = {}
    digests: dict[tuple[str, int], bytes] = {}
    for recorded in bag.messages(topics=[OUTPUT]):
        try:
            stretch = decode(Journal, recorded.data)
        except DecodeError as error:
            name = recorded.channel.publisher
            journal = found.setdefault((name, 0), NodeJournal(name, 0))
            journal.problem = (
                journal.problem or f"journal part {recorded.sequence} of {name} cannot be read: {error}"
            )
            continue
        header = stretch.header
        who = (header.source, header.incarnation)
        journal = found.setdefault(who, NodeJournal(*who))
        if journal.problem:
            continue
        data = stretch.entries.tobytes()
        digest = chained(digests.get(who, b""), data)
        where = f"journal part {header.sequence} of {header.source}"
        if stretch.first != len(journal.entries):
            journal.gap, journal.problem = (
                True,
                f"{where} begins with entry {stretch.first}, not {len(journal.entries)}: a part is missing",
            )
        elif digest.hex() != stretch.digest:
            journal.problem = f"{where} is not as it was written: its digest differs"
        else:
            digests[who] = digest
            journal.entries += msgpack.unpackb(data)
            journal.until_ns = header.stamp_ns
    return [found[who] for who in sorted(found)]
