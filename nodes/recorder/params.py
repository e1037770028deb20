"""The parameters of the recorder."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime import Params


class RecorderParams(Params):
    """The parameters of the recorder: the topics that it records, and how it writes them."""

    topics: tuple[str, ...] = ("*",)
    """Glob patterns of the topics to record. Journals, i.e. what each node consumed and published, are recorded too, unless
    ``exclude`` matches their topic, ``_journal``.
    """
    exclude: tuple[str, ...] = ()
    """Glob patterns of topics to leave out."""
    file: str = Field(default="session.mcap", pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\.mcap$")
    """Name of the recording's file, in the session folder."""
    flush_s: float = Field(default=0.5, gt=0)
    """Seconds between two flushes of the file to the operating system. A crash loses the messages since the last flush."""
    split_mib: float | None = Field(default=None, gt=0)
    """Start a new file after this many MiB."""
    split_s: float | None = Field(default=None, gt=0)
    """Start a new file after this many seconds."""
    keep_s: float | None = Field(default=None, gt=0)
    """Keep the messages of the last ``keep_s`` seconds in memory. Write them only when `rtgraph bag keep` requests it."""
    keep_mib: float = Field(default=512.0, gt=0)
    """Maximum memory, in MiB, for the messages that ``keep_s`` keeps."""
    weights_mib: float = Field(default=256.0, ge=0)
    """Maximum total size, in MiB, of network weights to store beside the recording. The verification needs the weights."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.keep_s is not None and (self.split_mib is not None or self.split_s is not None):
            raise NodeError(
                "keep_s is given with split_mib or split_s, but messages kept in memory are not split into files",
                hint="choose one way to record: a ring buffer (keep_s), or several files (split_mib, split_s)",
            )
        return self
