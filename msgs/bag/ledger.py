"""Counts of a recording's messages: received, duplicate and lost ones, for each publisher."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from pydantic import Field, ValidationError

from rtgraph.msgs import Record

MOST_GAPS = 1024
"""Maximum number of gaps in a channel's sequence numbers that late messages can still fill. Messages missing in older gaps are
lost."""


class StreamLosses(Record):
    """The counts of one channel of a publisher in one incarnation, i.e. between two starts of the publisher.

    ``first`` and ``last`` are the smallest and largest sequence numbers received; None without a message. ``count`` is the
    number of received messages without duplicates. ``declared`` is the number of messages that the publisher reports to have
    sent; None if unknown.
    """

    publisher: str
    incarnation: int
    channel: str
    first: int | None
    last: int | None
    count: int = Field(ge=0)
    lost: int = Field(ge=0)
    duplicates: int = Field(ge=0)
    declared: int | None = None


class Losses(Record):
    """The counts of received, duplicate and lost messages of a whole recording. They are written at its end."""

    streams: tuple[StreamLosses, ...] = ()

    @property
    def lost(self) -> int:
        """Total number of lost messages."""
        return sum(stream.lost for stream in self.streams)

    @property
    def duplicates(self) -> int:
        """Number of received duplicates, of all topics. A message that was received three times counts twice."""
        return sum(stream.duplicates for stream in self.streams)

    def as_json(self) -> dict[str, object]:
        """Return the counts as plain values, including the totals."""
        return {"lost": self.lost, "duplicates": self.duplicates, **self.model_dump(mode="json")}

    @classmethod
    def from_json(cls, values: object) -> Losses | None:
        """Return the counts that ``as_json`` converted to these values; None if the values do not have this form."""
        if not isinstance(values, dict):
            return None
        try:
            return cls.model_validate({"streams": values.get("streams")})
        except ValidationError:
            return None


class Ledger:
    """Counts received, duplicate and lost messages by the publishers' sequence numbers.

    A stream is a publisher's channel in one incarnation (one start of the publisher).

    Args:
        from_start: whether the recorder ran from the graph's start. If so, the messages before the first received
            message of a stream count as lost.
    """

    def __init__(self, *, from_start: bool = True) -> None:
        self._from_start = from_start
        self._streams: dict[tuple[str, int, str], _Stream] = {}

    def see(self, publisher: str, incarnation: int, channel: str, sequence: int) -> None:
        """Count a received message."""
        stream = self._streams.get((publisher, incarnation, channel))
        if stream is None:
            last = -1 if self._from_start else sequence - 1
            stream = self._streams[publisher, incarnation, channel] = _Stream(last)
        stream.see(sequence)

    def go_on_after(self, publisher: str, incarnation: int, channel: str, sequence: int) -> None:
        """Start counting after this sequence number: messages up to it count as recorded, and only later messages are expected."""
        self._streams[publisher, incarnation, channel] = _Stream(sequence)

    def reached(self) -> list[tuple[str, int, str, int]]:
        """Return a tuple (publisher, incarnation, channel, last received sequence number) for each stream.

        A stream is a channel of a publisher in one incarnation (one start of the publisher).
        """
        return [(*stream, found.last) for stream, found in self._streams.items()]

    def expect(self, losses: Losses) -> None:
        """Expect the messages that an earlier count of the same recording lists. ``losses`` is the result of this count.

        Each row of ``losses`` describes one stream. In the stream, all sequence numbers from ``first`` to ``last`` are expected.

        An expected message counts as lost until ``see`` is called for it.
        """
        for row in losses.streams:
            stream = _Stream(-1 if row.first is None else row.first - 1)
            if row.first is not None and row.last is not None and row.first <= row.last:
                stream.last = row.last
                stream.gaps.append((row.first, row.last))
            self._streams[row.publisher, row.incarnation, row.channel] = stream

    def losses(self, declared: Mapping[str, Mapping[str, int]] | None = None) -> Losses:
        """Return the counts of received, duplicate and lost messages.

        Args:
            declared: for each publisher, the numbers of messages that it reports to have sent since its latest start, by
                channel. Leave out channels that are not recorded.
        """
        declared = declared or {}
        latest = dict.fromkeys(declared, 0)
        for publisher, incarnation, _ in self._streams:
            latest[publisher] = max(latest.get(publisher, 0), incarnation)
        rows = []
        for (publisher, incarnation, channel), stream in self._streams.items():
            of_latest = declared.get(publisher, {}) if incarnation == latest[publisher] else {}
            rows.append(stream.row(publisher, incarnation, channel, of_latest.get(channel)))
        for publisher, channels in declared.items():
            for channel, sent in channels.items():
                if sent and (publisher, latest[publisher], channel) not in self._streams:
                    rows.append(_Stream(-1).row(publisher, latest[publisher], channel, sent))
        return Losses(streams=tuple(sorted(rows, key=_order)))


class _Stream:
    """One channel of one incarnation of a publisher: the newest sequence number, and the gaps.

    A gap is the first and the last missing number, both included.
    """

    __slots__ = ("closed", "count", "duplicates", "first", "gaps", "last", "newest")

    def __init__(self, last: int) -> None:
        self.last = last
        self.gaps: list[tuple[int, int]] = []
        self.closed = self.count = self.duplicates = 0
        self.first: int | None = None
        self.newest: int | None = None

    def see(self, sequence: int) -> None:
        if sequence > self.last:
            if sequence > self.last + 1:
                self._open(len(self.gaps), (self.last + 1, sequence - 1))
            self.last = sequence
        elif not self._fill(sequence):
            self.duplicates += 1
            return
        self.count += 1
        self.first = sequence if self.first is None else min(self.first, sequence)
        self.newest = sequence if self.newest is None else max(self.newest, sequence)

    def row(self, publisher: str, incarnation: int, channel: str, declared: int | None) -> StreamLosses:
        lost = self.closed + sum(last - first + 1 for first, last in self.gaps)
        if declared is not None:
            lost += max(0, declared - (self.last + 1))
        return StreamLosses(
            publisher=publisher,
            incarnation=incarnation,
            channel=channel,
            first=self.first,
            last=self.newest,
            count=self.count,
            lost=lost,
            duplicates=self.duplicates,
            declared=declared,
        )

    def _open(self, place: int, *gaps: tuple[int, int]) -> None:
        self.gaps[place:place] = gaps
        while len(self.gaps) > MOST_GAPS:
            first, last = self.gaps.pop(0)
            self.closed += last - first + 1

    def _fill(self, sequence: int) -> bool:
        place = bisect_right(self.gaps, sequence, key=_first) - 1
        if place < 0 or self.gaps[place][1] < sequence:
            if self.first is None or sequence >= self.first or self.closed:
                return False
            # Not recorded from the start: a late message moves the start.
            self._open(0, *_stretches((sequence + 1, self.first - 1)))
            return True
        first, last = self.gaps.pop(place)
        self._open(place, *_stretches((first, sequence - 1), (sequence + 1, last)))
        return True


def _stretches(*stretches: tuple[int, int]) -> Sequence[tuple[int, int]]:
    return [(first, last) for first, last in stretches if first <= last]


def _first(gap: tuple[int, int]) -> int:
    return gap[0]


def _order(row: StreamLosses) -> tuple[str, int, str]:
    return row.publisher, row.incarnation, row.channel
