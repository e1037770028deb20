"""Which way a recorder writes, as its parameters say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rtgraph.nodes.recorder.channel import Attachment
from rtgraph.nodes.recorder.writer import BagWriter

if TYPE_CHECKING:
    from rtgraph.nodes.recorder.recorder import RecorderParams


def make_sink(
    path: Path, params: RecorderParams, info: Mapping[str, str], attachments: Sequence[Attachment]
) -> Plain:
    """Return what writes."""
    return Plain(path, info=info, attachments=attachments)


class Plain(BagWriter):
    """One file."""

    def keep(self, reason: str) -> None:
        """Do nothing: everything is written as it comes."""
