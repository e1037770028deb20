"""Making a finished recording of what can be read of a damaged one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.container import RECOVERED
from rtgraph.msgs.bag.ledger import Ledger, Losses
from rtgraph.msgs.bag.writer import BagWriter
from rtgraph.msgs.envelope import envelope
from rtgraph.msgs.errors import DecodeError


@dataclass(frozen=True, slots=True)
class Recovery:
    """What became of a recording that was recovered.

    ``missing`` is how many messages its index tells of that could not be read; None where it had no index.
    ``losses`` is the account of the messages in the new file, those lost by the damage among the lost.
    """

    path: Path
    complete: bool
    """Whether there was nothing wrong, so that the new file holds all the old one did."""
    messages: int
    size_bytes: int
    attachments: tuple[str, ...]
    missing: int | None
    undecodable: int
    """Messages that are as they were written, but are no wire documents; they are kept."""
    problems: tuple[str, ...]
    losses: Losses


def recover(path: Path, out: Path, *, progress: Callable[[float], None] | None = None) -> Recovery:
    """Write what can be read of a recording into a finished one: messages, attachments and info.

    Args:
        path: the recording, a file or a folder.
        out: the file to make.
        progress: told how much is done, from 0 to 1.

    Raises:
        BagError: there is no recording at ``path``, or ``out`` cannot be written; then it is removed again.
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
