"""What a replay memory says of itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a replay memory holds."""

    transitions: int
    capacity: int
    """The most transitions it can hold, where each shares its frames with its neighbours."""
    fits: int
    """How many it can hold if the others need as many frames as those that it holds: short episodes need more."""
    frames: int
    """Frames that transitions refer to, each stored once."""
    seen: int
    """Transitions ever offered to it."""
    evicted: int
    """Transitions that made room for others, since it was opened."""
    skipped: int
    """Transitions that the reservoir did not take, since it was opened."""
    discarded: int
    """Rows left out when it was opened: damaged, since a process was killed while it wrote them, or not finite."""
    size_bytes: int
    """What it takes, in memory or on disk, however full it is."""

    def as_json(self) -> dict[str, int]:
        """Return it as JSON values."""
        return asdict(self)
