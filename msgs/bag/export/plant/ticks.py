"""The ticks of one recorded plant: for each tick, the applied action and the observation after the tick."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from rtgraph.msgs.bag.bag import Bag, Channel
from rtgraph.msgs.bag.export.reading import Fields, Reading, chosen
from rtgraph.msgs.bag.export.report import Selection
from rtgraph.msgs.errors import BagError

MOST_WAITING = 256
"""Maximum number of incomplete ticks in memory. The two messages of a tick are recorded close together, so few are incomplete."""


class Key(NamedTuple):
    """Identifies a tick in a recording: the incarnation (number of restarts so far) of the plant, and the number of the tick."""

    incarnation: int
    tick: int


@dataclass(slots=True)
class Tick:
    """The fields of the two messages of a tick, ``Observation`` and ``Applied``; None for a message that was not recorded."""

    key: Key
    observation: Fields | None = None
    applied: Fields | None = None

    @property
    def complete(self) -> bool:
        """Whether both messages were recorded."""
        return self.observation is not None and self.applied is not None


class PlantTicks:
    """Joins the ``Observation`` and ``Applied`` messages of one plant by tick, in the selected part of a recording."""

    def __init__(self, bag: Bag, selection: Selection, *, passes: int) -> None:
        self.observed = _observations(chosen(bag, selection.topics))
        self.applied = tuple(
            channel
            for channel in bag.channels
            if channel.schema_name == "Applied"
            and channel.publisher == self.publisher
            and bag.counts[channel]
        )
        names = {channel.topic for channel in (*self.observed, *self.applied)}
        topics = tuple(map(glob.escape, sorted(names)))
        self.reading = Reading(bag, replace(selection, topics=topics), passes=passes)
        self.ledger = self.reading.ledger

    @property
    def publisher(self) -> str:
        """The name of the plant."""
        return self.observed[0].publisher

    def read(self) -> Iterator[Tick]:
        """Yield the ticks in order.

        The reported progress reaches 1 after ``passes`` calls of this method; ``passes`` is an argument of the class.
        """
        waiting: dict[Key, Tick] = {}
        for recorded, fields in self.reading.messages():
            if recorded.channel.publisher != self.publisher:
                continue
            key = Key(fields["header"]["incarnation"], fields["tick"])
            tick = waiting.setdefault(key, Tick(key))
            if recorded.channel.schema_name == "Applied":
                tick.applied = fields
            else:
                tick.observation = fields
            while waiting and (len(waiting) > MOST_WAITING or waiting[min(waiting)].complete):
                yield waiting.pop(min(waiting))
        for key in sorted(waiting):
            yield waiting[key]


def _observations(channels: tuple[Channel, ...]) -> list[Channel]:
    """Return the channels with the observations of one plant: one channel for each version of the message class."""
    found = [channel for channel in channels if channel.schema_name == "Observation"]
    if not found:
        raise BagError(
            "no chosen topic holds a plant's observations",
            hint="choose such a topic with --topics, for example --topics observation, or record one",
        )
    if len({(channel.topic, channel.publisher) for channel in found}) > 1:
        plants = ", ".join(sorted({f"{channel.topic} of {channel.publisher}" for channel in found}))
        raise BagError(f"several plants were recorded: {plants}", hint="choose one with --topics")
    return found
