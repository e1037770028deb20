"""Gaps in a recording, left by damaged, cut or missing files: when they were, and how many messages are missing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from rtgraph.msgs.bag.bag_file import Part
from rtgraph.msgs.bag.bag_index import Stretch
from rtgraph.msgs.bag.format.channel import Channel
from rtgraph.msgs.bag.format.container import RING_REASON

_NUMBER = re.compile(r"(.*_)(\d+)")


def holes(parts: Sequence[Part]) -> Iterator[str]:
    """Yield a line of text for each gap in time between files, and a line with the total number of missing messages.

    Further lines say that the beginning or the end of the recording is missing. The files of a ring buffer yield no lines: gaps
    between these files are normal.

    The missing messages of one gap are counted by the publishers' sequence numbers. So this count includes only the channels that
    have messages before and after the gap. The total is known only if the recording ends with the counts of its messages.

    Args:
        parts: the readable files, in order.
    """
    if any(RING_REASON in part.contents.info for part in parts):
        return  # each file of a ring buffer holds the last seconds before it was written: gaps are normal
    split = [part for part in parts if _NUMBER.fullmatch(part.path.stem)]
    holding = [part for part in split if part.contents.chunks]
    for before, after in pairwise(holding):
        between = split[split.index(before) : split.index(after)]
        if len(between) == 1 and before.contents.complete and _follows(before, after):
            continue
        begin = max(stretch.end_ns for stretch in before.contents.chunks)
        end = min(stretch.start_ns for stretch in after.contents.chunks)
        count = _count(_edge(before, last=True), _edge(after, last=False))
        if count or end > begin:
            yield (
                f"between {before.path.name} and {after.path.name}: what was recorded from {begin / 1e9:.3f} s "
                f"to {end / 1e9:.3f} s is missing, at least {count:,} messages by their sequence numbers"
            )
    account = next((part.contents.losses for part in reversed(parts) if part.contents.losses), None)
    recorded = sum(stream.count for stream in account.streams) if account else 0
    there = sum(part.contents.counts.total() for part in parts)
    if split and recorded > there:
        yield f"{recorded - there:,} of the {recorded:,} recorded messages are missing"
    if holding and (split[0] is not holding[0] or not _is_first(holding[0])):
        begin = min(stretch.start_ns for stretch in holding[0].contents.chunks)
        yield f"what was recorded before {begin / 1e9:.3f} s is missing"
    if holding and (split[-1] is not holding[-1] or _lacks_end(holding[-1])):
        end = max(stretch.end_ns for stretch in holding[-1].contents.chunks)
        yield f"what was recorded after {end / 1e9:.3f} s is missing"


def _is_first(part: Part) -> bool:
    return part.path.stem.endswith("_0")


def _follows(before: Part, after: Part) -> bool:
    """Return whether no file is missing between two files.

    If one run of the recorder wrote both files, their numbers must be successive. If the recorder restarted between the two
    files, ``after`` must have number 0: after a restart, the recorder numbers files from 0 again.
    """
    first, second = _NUMBER.fullmatch(before.path.stem), _NUMBER.fullmatch(after.path.stem)
    if first is None or second is None:
        return False
    return int(second[2]) == (int(first[2]) + 1 if first[1] == second[1] else 0)


def _lacks_end(part: Part) -> bool:
    """Return whether the last file of a split recording is missing. ``part`` is the last file that was found.

    The last file of a finished recording holds the counts of all messages; other files do not.
    """
    return part.contents.complete and part.contents.losses is None


def _edge(part: Part, *, last: bool) -> dict[Channel, int]:
    """Return the first (or with ``last``, the last) sequence number of each channel in a file. Only the needed chunks are read."""
    found: dict[Channel, int] = {}
    chunks: Iterable[Stretch] = reversed(part.contents.chunks) if last else part.contents.chunks
    with part.path.open("rb") as file:
        for stretch in chunks:
            if stretch.channels <= found.keys():
                continue
            here: dict[Channel, int] = {}
            for channel, sequence, *_ in part.read(file, stretch)[1]:
                if last or channel not in here:
                    here[channel] = sequence
            found = here | found
    return found


def _count(before: dict[Channel, int], after: dict[Channel, int]) -> int:
    # A smaller number follows a larger one if the publisher restarted.
    return sum(max(0, after[channel] - last - 1) for channel, last in before.items() if channel in after)
