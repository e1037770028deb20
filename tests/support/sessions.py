"""Recorded sessions in the virtual world, and modified copies of recordings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rtgraph.graphs import load_launch
from rtgraph.launch.console.status import Silent
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.report.result import Result
from rtgraph.launch.run import run
from rtgraph.msgs.bag import Bag, BagWriter, Recorded
from rtgraph.msgs.bag.format.channel import Attachment

RECORDING = "session.mcap"


def recorded(file: str, out: Path, arguments: dict[str, str] | None = None, **options: Any) -> Result:
    """Run a launch file in the virtual world, and record it."""
    options = {"world": "virtual", "seed": 3, "ticks": 240, "folders": FOLDERS} | options
    return run(load_launch(file, arguments, **options), Silent(), directory=out)


def rewritten(file: Path, out: Path, change: Callable[[Recorded], bytes | None]) -> Path:
    """Write a copy of a recording with some data changed (None: left out) and correct checksums."""
    bag = Bag.open(file)
    attachments = [
        Attachment(name, attached.media_type, attached.data) for name, attached in bag.attached().items()
    ]
    writer = BagWriter(out, info=bag.info, attachments=attachments)
    for message in bag.messages():
        data = change(message)
        if data is not None:
            writer.write(message.channel, message.sequence, message.log_ns, message.publish_ns, data)
    writer.close(None if bag.losses is None else bag.losses.as_json())
    return out


def flipped(data: bytes, place: int) -> bytes:
    """Return bytes with one bit flipped."""
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)
