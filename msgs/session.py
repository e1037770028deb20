"""Messages of a session: to and from recorders and players, and the journals of nodes."""

from __future__ import annotations

from pydantic import Field

from rtgraph.msgs.array import array
from rtgraph.msgs.base import Message


class KeepRecording(Message):
    """Ask a recorder to write its ring buffer, the last seconds of messages, to a file."""

    reason: str = ""


class PlayControl(Message):
    """Control a player. Omitted fields change nothing.

    ``step`` is a number of messages to play, ``ticks`` a number of ticks of the plant; then the player pauses. ``seek_s``
    goes to a time, in seconds from the start of the recording.
    """

    pause: bool | None = None
    rate: float | None = Field(default=None, gt=0)
    step: int = Field(default=0, ge=0)
    ticks: int = Field(default=0, ge=0)
    seek_s: float | None = Field(default=None, ge=0)


class PlayProgress(Message):
    """A player's position, in seconds from the start of the recording."""

    position_s: float
    duration_s: float
    rate: float
    paused: bool
    played: int
    round: int = 0


class Journal(Message):
    """A part of a node's journal, which lists everything that the node consumed, so that a recording can run the node again.

    ``entries`` is a msgpack array with one item per event, in order; ``rtgraph.nodes.runtime.journal`` documents the items.
    ``digest`` is the hash of this part and of the previous part's digest, so that the parts form a chain.
    """

    first: int = Field(ge=0)
    """The number of the first entry, counted from the start of the journal."""
    entries: array("uint8", None)  # type: ignore[valid-type]
    digest: str
