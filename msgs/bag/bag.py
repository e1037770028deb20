"""Read a recording: finished or not, intact or damaged, in one file or split into several."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import fnmatchcase
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

from rtgraph.msgs.bag.bag_file import Part
from rtgraph.msgs.bag.bag_index import Stretch
from rtgraph.msgs.bag.folder import files_of
from rtgraph.msgs.bag.format.channel import Attachment, Channel, Recorded
from rtgraph.msgs.bag.holes import holes
from rtgraph.msgs.bag.ledger import Losses
from rtgraph.msgs.errors import BagError

__all__ = ["Attachment", "Bag", "Channel", "Recorded"]

PLAN = "plan.yaml"
_Row = tuple[int, int, Channel, int, int, int, int]
"""A message in a chunk: log time, order of writing in the chunk, channel, sequence number, publish time, and the start and
end of the message's data in the uncompressed chunk."""


class Bag:
    """A recording, opened for reading. Make one with ``Bag.open``.

    A file consists of chunks, i.e. groups of messages. A chunk is verified when it is read. A damaged chunk is left out, and
    listed in ``problems``.

    >>> bag = Bag.open(Path("session.mcap"))
    >>> for recorded in bag.messages(topics=["observation"]):
    ...     recorded.message().tick
    """

    def __init__(self, path: Path, parts: Sequence[Part], problems: Sequence[str]) -> None:
        self.path = path
        self._parts = parts
        self._problems = list(problems)
        counts: Counter[Channel] = Counter()
        for part in parts:
            counts.update(part.contents.counts)
        self.counts: dict[Channel, int] = dict(counts)
        """Number of messages by channel. For a finished file, the numbers come from its index, and include damaged messages."""
        self.channels = tuple(sorted(counts, key=_channel_order))
        chunks = [chunk for part in parts for chunk in part.contents.chunks]
        self.start_ns = min((chunk.start_ns for chunk in chunks), default=0)
        """When the recorder received the first message, in ns of the graph's clock; 0 if the recording has no message."""
        self.end_ns = max((chunk.end_ns for chunk in chunks), default=0)
        """When the recorder received the last message, in ns of the graph's clock; 0 if the recording has no message."""

    @classmethod
    def open(cls, path: Path) -> Bag:
        """Open a recording: a file, or the folder of a split recording.

        A file without an index (unfinished, or cut off) is read once from end to end. One file of a split
        recording can be opened alone.

        Raises:
            BagError: ``path`` cannot be read, or is not a recording. Damage in a recording raises no error: it is
                listed in ``problems``.
        """
        if not path.is_dir():
            return cls(path, [Part(path)], [])
        parts, problems = files_of(path)
        return cls(path, parts, [*problems, *holes(parts)])

    @property
    def files(self) -> tuple[Path, ...]:
        """The recording's files in the order of writing."""
        return tuple(part.path for part in self._parts)

    @property
    def complete(self) -> bool:
        """Whether the recording was finished and none of its files is missing.

        A complete recording may be damaged: damage is listed in ``problems``.
        """
        return not self._problems and all(part.contents.complete for part in self._parts)

    @property
    def problems(self) -> tuple[str, ...]:
        """The damage and gaps found so far, one line of text each. Reading the messages may find more."""
        several = len(self._parts) > 1
        found = [
            f"{part.path.name}: {problem}" if several else problem
            for part in self._parts
            for problem in part.contents.problems
        ]
        return (*self._problems, *found)

    @property
    def info(self) -> dict[str, str]:
        """Information about the recorded session, such as versions and the start time: a dict of texts."""
        return next((dict(part.contents.info) for part in self._parts if part.contents.info), {})

    @property
    def plan_yaml(self) -> str | None:
        """The plan of the recorded launch (its resolved launch file), as YAML; None if the plan is missing or damaged."""
        plan = self.attachments().get(PLAN)
        return None if plan is None else plan.decode(errors="replace")

    def plan(self, hint: str) -> str:
        """Return the plan of the recorded launch (its resolved launch file), as YAML.

        Args:
            hint: the hint of the error that is raised if the recording was made without a plan.

        Raises:
            BagError: the recording has no plan, or no readable plan.
        """
        plan = self.plan_yaml
        if plan is not None:
            return plan
        if self.complete and all(
            len(part.attachments()) == len(part.contents.attachments) for part in self._parts
        ):
            raise BagError(f"the recording {self.path} holds no plan of its launch", hint=hint)
        raise BagError(
            f"the recording {self.path} is unfinished or damaged, and has no readable plan",
            hint="`rtgraph bag recover` cannot restore a damaged plan: use an undamaged copy of the recording, "
            "or plan.yaml in the session folder",
        )

    @property
    def losses(self) -> Losses | None:
        """The counts of received and lost messages; None if the recording was not finished, or if the counts are damaged."""
        return next((part.contents.losses for part in reversed(self._parts) if part.contents.losses), None)

    def attachments(self) -> dict[str, bytes]:
        """Return the data of the attached files, a dict by the name of the file."""
        return {name: attachment.data for name, attachment in self.attached().items()}

    def attached(self) -> dict[str, Attachment]:
        """Return the attached files with their media types, a dict by the name of the file."""
        found: dict[str, Attachment] = {}
        for part in self._parts:
            for name, attachment in part.attachments().items():
                found.setdefault(name, attachment)
        return found

    def verify(self) -> tuple[str, ...]:
        """Read the whole recording, and return all its problems."""
        for part in self._parts:
            part.verify()
        return self.problems

    def messages(
        self,
        *,
        topics: Sequence[str] = (),
        exclude: Sequence[str] = (),
        publishers: Sequence[str] = (),
        start_ns: int | None = None,
        end_ns: int | None = None,
    ) -> Iterator[Recorded]:
        """Yield messages ordered by the recorder's receive time, then by the order of writing.

        Only chunks (groups of messages) that may hold matching messages are read. Chunks that overlap in time are in memory
        at the same time.

        Args:
            topics: globs of topics; empty for all.
            exclude: globs of topics to leave out.
            publishers: globs of publishers; empty for all.
            start_ns: the first log time, in ns of the graph's clock; None for the start of the recording.
            end_ns: the last log time, included; None for the end of the recording.
        """
        wanted = frozenset(
            channel
            for channel in self.channels
            if _matches(channel.topic, topics, otherwise=True)
            and not _matches(channel.topic, exclude, otherwise=False)
            and _matches(channel.publisher, publishers, otherwise=True)
        )
        first_ns = self.start_ns if start_ns is None else start_ns
        last_ns = self.end_ns if end_ns is None else end_ns
        chunks = [
            _ChunkToRead(stretch.start_ns, number, stretch)
            for number, part in enumerate(self._parts)
            for stretch in part.contents.chunks
            if stretch.end_ns >= first_ns and stretch.start_ns <= last_ns and stretch.channels & wanted
        ]
        chunks.sort(key=lambda piece: (piece.start_ns, piece.part, piece.stretch.offset))
        return self._merged(chunks, _MessageFilter(wanted, first_ns, last_ns))

    def newest(self) -> dict[Channel, Recorded]:
        """Return the last written message of each channel. The files are read from the end, and only as far as needed."""
        found: dict[Channel, Recorded] = {}
        for part in reversed(self._parts):
            with part.path.open("rb") as file:
                for stretch in reversed(part.contents.chunks):
                    if stretch.channels <= found.keys():
                        continue
                    data, rows = part.read(file, stretch)
                    last = {row[0]: row for row in rows}
                    for channel, (_, sequence, log_ns, publish_ns, begin, end) in last.items():
                        found.setdefault(
                            channel, Recorded(channel, sequence, log_ns, publish_ns, data[begin:end])
                        )
        return found

    def _merged(self, chunks: Sequence[_ChunkToRead], wanted: _MessageFilter) -> Iterator[Recorded]:
        waiting = deque(chunks)
        begun: list[tuple[int, int, int, int, Iterator[_Row], _Row, bytes]] = []
        with ExitStack() as stack:
            files: dict[int, BinaryIO] = {}
            while waiting or begun:
                while waiting and (not begun or waiting[0].start_ns <= begun[0][0]):
                    piece = waiting.popleft()
                    if piece.part not in files:
                        files[piece.part] = stack.enter_context(self._opened(piece.part))
                    data, found = self._parts[piece.part].read(files[piece.part], piece.stretch)
                    rows = wanted.rows(found)
                    for row in rows:
                        place = (piece.part, piece.stretch.offset)
                        heapq.heappush(begun, (row[0], *place, row[1], rows, row, data))
                        break
                if not begun:
                    continue
                _, part, offset, _, rows, row, data = begun[0]
                following = next(rows, None)
                if following is None:
                    heapq.heappop(begun)
                else:
                    heapq.heapreplace(
                        begun, (following[0], part, offset, following[1], rows, following, data)
                    )
                log_ns, _, channel, sequence, publish_ns, begin, end = row
                yield Recorded(channel, sequence, log_ns, publish_ns, data[begin:end])

    def _opened(self, part: int) -> BinaryIO:
        path = self._parts[part].path
        try:
            return path.open("rb")
        except OSError as error:
            raise BagError(f"{path} cannot be read: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class _ChunkToRead:
    """A chunk (group of messages) to read, and the number of the file that holds the chunk."""

    start_ns: int
    part: int
    stretch: Stretch


@dataclass(frozen=True, slots=True)
class _MessageFilter:
    """Selects messages by channel and log time."""

    channels: frozenset[Channel]
    first_ns: int
    last_ns: int

    def rows(self, found: Iterator[tuple[Channel, int, int, int, int, int]]) -> Iterator[_Row]:
        """Yield the selected messages of a chunk, ordered by log time."""
        # Evaluated once per channel: hashing one costs more than the rest of a message.
        asked: dict[int, bool] = {}
        rows: list[_Row] = []
        for order, (channel, sequence, log_ns, publish_ns, begin, end) in enumerate(found):
            if not self.first_ns <= log_ns <= self.last_ns:
                continue
            take = asked.get(id(channel))
            if take is None:
                take = asked[id(channel)] = channel in self.channels
            if take:
                rows.append((log_ns, order, channel, sequence, publish_ns, begin, end))
        rows.sort(key=itemgetter(0))
        return iter(rows)


def _matches(name: str, globs: Sequence[str], *, otherwise: bool) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs) if globs else otherwise


def _channel_order(channel: Channel) -> tuple[str, str, str, str]:
    return channel.topic, channel.publisher, channel.key, channel.schema_hash
