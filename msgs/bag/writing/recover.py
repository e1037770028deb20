"""Make a finished recording from the readable parts of a damaged one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.format.container import RECOVERED
from rtgraph.msgs.bag.ledger import Ledger, Losses
from rtgraph.msgs.bag.writing.writer import BagWriter
from rtgraph.msgs.errors import DecodeError
from rtgraph.msgs.wire.envelope import envelope


@dataclass(frozen=True, slots=True)
class Recovery:
    """The result of recovering a recording.

    The index of a finished recording has the number of its messages. ``missing`` is how many of these messages could not be read.
    ``missing`` is None if the recording was not finished, or if one of its files is missing. ``losses`` holds the counts of the
    new file: received, duplicate and lost messages. Messages in damaged parts count as lost.
    """

    path: Path
    complete: bool
    """Whether the old recording had no damage, so that the new file holds everything."""
    messages: int
    size_bytes: int
    attachments: tuple[str, ...]
    missing: int | None
    undecodable: int
    """Number of intact messages that are not in rtgraph's wire format; the new file holds them, too."""
    problems: tuple[str, ...]
    losses: Losses


def recover(path: Path, out: Path, *, progress: Callable[[float], None] | None = None) -> Recovery:
    """Write the readable messages, attachments and info of a damaged recording to a new, finished recording.

    Args:
        path: the recording, a file or a folder.
        out: the file to create.
        progress: called with the fraction done, from 0 to 1.

    Raises:
        BagError: there is no recording at ``path``, or ``out`` exists or cannot be written. A partly written
            ``out`` is removed.
    """
    bag = Bag.open(path)
    attachments = tuple(bag.attached().values())
    expected = sum(bag.counts.values())
    ledger = Ledger(from_start=False)
    if bag.losses is not None:
        ledger.expect(bag.losses)
    info = {**bag.info, RECOVERED: str(len(bag.verify()))}
    writer = BagWriter(out, info=info, attachments=attachments)
    messages = undecodable = 0
    try:
        for recorded in bag.messages():
            channel = recorded.channel
            writer.write(channel, recorded.sequence, recorded.log_ns, recorded.publish_ns, recorded.data)
            messages += 1
            try:
                found = envelope(recorded.data)
                ledger.see(found.source, found.incarnation, channel.topic, found.sequence)
            except DecodeError:
                undecodable += 1
            if progress is not None and messages % 1000 == 0:
                progress(min(1.0, messages / max(1, expected)))
        losses = ledger.losses()
        writer.close(losses.as_json())
    except BaseException:
        writer.discard()
        raise
    return Recovery(
        path=out,
        complete=bag.complete and not bag.problems,
        messages=messages,
        size_bytes=writer.size_bytes,
        attachments=tuple(attachment.name for attachment in attachments),
        missing=max(0, expected - messages) if bag.complete else None,
        undecodable=undecodable,
        problems=bag.problems,
        losses=losses,
    )
