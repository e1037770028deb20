"""The sinks to which a recorder writes messages: one file, several files in turn, or a ring buffer in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rtgraph.msgs.bag.format.channel import Attachment, Channel
from rtgraph.msgs.bag.writing.ring import Ring
from rtgraph.msgs.bag.writing.splitting import SplittingWriter
from rtgraph.msgs.bag.writing.storage import Sink
from rtgraph.msgs.bag.writing.writer import BagWriter
from rtgraph.nodes.recorder.params import RecorderParams

MIB = 2**20


def make_sink(
    path: Path, params: RecorderParams, info: Mapping[str, str], attachments: Sequence[Attachment]
) -> Sink:
    """Return the sink that the recorder's parameters choose.

    Args:
        path: path of the recording.
        params: the parameters of the recorder.
        info: data about the launch to store in the recording, by key.
        attachments: files to store in the recording, such as the plan.

    Raises:
        BagError: the file cannot be created.
    """
    if params.keep_s is not None:
        return _RingSink(
            Ring(
                path,
                info=info,
                attachments=attachments,
                keep_ns=round(params.keep_s * 1e9),
                most_bytes=round(params.keep_mib * MIB),
            )
        )
    if params.split_mib is not None or params.split_s is not None:
        return _Splitting(
            path,
            info=info,
            attachments=attachments,
            most_bytes=None if params.split_mib is None else round(params.split_mib * MIB),
            most_ns=None if params.split_s is None else round(params.split_s * 1e9),
        )
    return _Plain(path, info=info, attachments=attachments)


class _Plain(BagWriter):
    """A sink that writes one file."""

    @property
    def paths(self) -> Sequence[Path]:
        return [self.path]

    def keep(self, reason: str, losses: Mapping[str, object]) -> None:
        """Ignore a request to write kept messages: this sink writes all messages as they arrive."""


class _Splitting(SplittingWriter):
    """A sink that writes several files, one after the other."""

    def keep(self, reason: str, losses: Mapping[str, object]) -> None:
        """Ignore a request to write kept messages: this sink writes all messages as they arrive."""


class _RingSink:
    """A sink that keeps the messages of the last seconds in memory. On each request it writes them to a new file."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    @property
    def paths(self) -> Sequence[Path]:
        return self._ring.paths

    def write(self, channel: Channel, sequence: int, log_ns: int, publish_ns: int, data: bytes) -> None:
        self._ring.write(channel, sequence, log_ns, publish_ns, data)

    def flush(self) -> None:
        """Do nothing: messages in memory are written only on request."""

    def keep(self, reason: str, losses: Mapping[str, object]) -> None:
        self._ring.keep(reason, losses)

    def close(self, losses: Mapping[str, object] | None = None) -> None:
        """Do nothing: messages that are still in memory are dropped."""
