"""What is said to recorders and players."""

from __future__ import annotations

from pydantic import Field

from rtgraph.msgs.base import Message


class KeepRecording(Message):
    """Write what a recorder with a ring buffer holds to a file."""

    reason: str = ""


class PlayControl(Message):
    """Steer a player. Fields left out change nothing.

    ``step`` plays so many messages (``ticks``: all up to so many ticks of the plant) and pauses; ``seek_s`` goes to a
    time, in seconds from the recording's start.
    """

    pause: bool | None = None
    rate: float | None = Field(default=None, gt=0)
    step: int = Field(default=0, ge=0)
    ticks: int = Field(default=0, ge=0)
    seek_s: float | None = Field(default=None, ge=0)


class PlayProgress(Message):
    """Where a player is, in seconds from the recording's start."""

    position_s: float
    duration_s: float
    rate: float
    paused: bool
    played: int
    round: int = 0
