"""The input of an export: decodes the selected messages, and reports progress."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from rtgraph.msgs.bag.bag import Bag, Channel, Recorded
from rtgraph.msgs.bag.export.report import ExportAccount, Selection
from rtgraph.msgs.errors import BagError, DecodeError

Fields = dict[str, Any]
"""A message's fields by name: plain values, nested dicts, and numpy arrays."""

STEPS = 200
"""Approximate number of calls of the progress function during an export."""


class Reading:
    """The selected part of a recording, which can be read more than once.

    An export reads this part ``passes`` times. The reported progress goes from 0 to 1 over all these times.
    """

    def __init__(self, bag: Bag, selection: Selection, *, passes: int = 1) -> None:
        self.bag = bag
        self.channels = chosen(bag, selection.topics)
        self.ledger = ExportAccount(bag)
        self._selection, self._passes, self._done = selection, passes, 0
        self._expected = sum(bag.counts[channel] for channel in self.channels)

    def messages(self) -> Iterator[tuple[Recorded, Fields]]:
        """Yield each message with its fields.

        A message that cannot be decoded is skipped. If the recording is read several times, skipped messages are counted
        as left out only the first time.

        Raises:
            BagError: no message of the selected topics can be read in the selected time range.
        """
        taken = 0
        every = max(1, self._expected * self._passes // STEPS)
        part = self._selection
        for recorded in self.bag.messages(topics=part.topics, start_ns=part.start_ns, end_ns=part.end_ns):
            taken += 1
            if part.progress is not None and taken % every == 0:
                part.progress(min(1.0, (self._done + taken / max(1, self._expected)) / self._passes))
            try:
                fields = recorded.fields()
            except DecodeError as error:
                if not self._done:
                    self.ledger.left_out(recorded.channel.topic, f"cannot be decoded: {error.problem}")
                continue
            yield recorded, fields
        self._done += 1
        if not taken:
            raise BagError(
                "no message of the selected topics can be read in this range",
                hint=in_range(self.bag),
            )
        if part.progress is not None:
            part.progress(self._done / self._passes)


def in_range(bag: Bag) -> str:
    """Return the hint of the error that is raised if a recording has no readable message in the selected range."""
    length_s = (bag.end_ns - bag.start_ns) / 1e9
    return f"the recording is {length_s:.3f} s long: choose --start and --duration within it"


def chosen(bag: Bag, topics: tuple[str, ...]) -> tuple[Channel, ...]:
    """Return the channels that have messages and a topic that matches one of the globs. Without globs, every topic matches.

    Raises:
        BagError: a glob matches no topic, or the recording has no messages on the matching topics.
    """
    recorded = sorted({channel.topic for channel in bag.channels})
    for glob in topics:
        if not any(fnmatchcase(topic, glob) for topic in recorded):
            raise BagError(
                f"no topic matches {glob!r}", hint=f"the recording has the topics {', '.join(recorded)}"
            )
    channels = tuple(
        channel
        for channel in bag.channels
        if bag.counts[channel] and (not topics or any(fnmatchcase(channel.topic, glob) for glob in topics))
    )
    if not channels:
        on = f" on the topics {', '.join(topics)}" if topics else ""
        raise BagError(f"the recording {bag.path.name} holds no messages{on}, so there is nothing to export")
    return channels
