"""How a run goes, from what its nodes say of that: one line, its parts in the order of their importance."""

from __future__ import annotations

from rtgraph.launch.report.tables import rounded
from rtgraph.msgs import LearningProgress, Progress

Told = Progress | LearningProgress
PROGRESS = (Progress, LearningProgress)
"""The messages that say how a run goes."""

_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


class Going:
    """Keeps what was said last, and tells it.

    Args:
        ticks: how many there will be, if that is known.
        duration_s: how long it will last in the graph's time, if that is known.
    """

    def __init__(self, ticks: int | None = None, duration_s: float | None = None) -> None:
        self.total = ticks if duration_s is None else duration_s
        """What the first of ``told`` counts up to; None where the end is not known."""
        self._ticks = ticks
        self._duration_s = duration_s
        self._progress: Progress | None = None
        self._learning: LearningProgress | None = None
        # What was done, and for how long it had been running: a run may go on from where another one was.
        self._first: tuple[float, float] | None = None

    def heard(self, message: Told) -> None:
        """Take in what a node says."""
        if isinstance(message, Progress):
            self._progress = message
        else:
            self._learning = message

    def told(self, time_s: float, wall_s: float) -> tuple[float, str]:
        """Return how much of ``total`` is done, and what there is to say.

        Args:
            time_s: the graph's time.
            wall_s: for how long it has been running.
        """
        if self._duration_s is not None:
            done = time_s
        else:
            done = 0.0 if self._progress is None else float(self._progress.tick)
        left_s = self._left_s(done, wall_s)
        parts = [self._tick(), *(() if left_s is None else (f"{_clock(left_s)} left",))]
        if self._learning is not None:
            parts += learning_parts(self._learning)
        if self._progress is not None:
            parts += acting_parts(self._progress)
        if self._progress is None:
            parts.append(f"{time_s:,.1f} s")
        return done, "  ".join(part for part in parts if part)

    def _left_s(self, done: float, wall_s: float) -> float | None:
        """Return how long it will take at the rate since the first time that something was done."""
        if self.total is None or not done:
            return None
        if self._first is None:
            self._first = done, wall_s
        done_then, wall_then_s = self._first
        since = done - done_then
        return (self.total - done) * (wall_s - wall_then_s) / since if since > 0 else None

    def _tick(self) -> str:
        if self._progress is None:
            return ""
        tick = self._progress.tick
        return f"tick {tick:,}" if self._ticks is None else f"tick {compact(tick)}/{compact(self._ticks)}"


def acting_parts(progress: Progress) -> list[str]:
    """Say how the plant is acted on."""
    age = "–" if progress.age_ticks is None else f"{progress.age_ticks:.1f}"
    return [
        f"inaction {progress.inaction:.1%}",
        f"age {age}",
        f"late ≤ {progress.lateness_most_ms:.2f} ms",
        f"reward {progress.reward:+.0f}",
    ]


def learning_parts(learning: LearningProgress) -> list[str]:
    """Say how learning goes: of the newest episodes their number and mean return; what is not known is left out."""
    m = learning
    version = None if m.version is None else f"v{compact(m.version)}"
    stale = "" if m.staleness is None else f" lag {rounded(round(m.staleness, 1))}"
    parts = {
        "return": None
        if m.return_mean is None
        else f"return {rounded(m.return_mean)} #{compact(m.episodes)}",
        "loss": None if m.loss is None else f"loss {m.loss:.3g}",
        "updates": None if m.updates_per_s is None else f"{rounded(m.updates_per_s)} upd/s",
        "version": None if version is None else f"{version}{stale}",
        "explored": None if m.explored is None else f"ε {m.explored:.0%}",
        "replay": None if m.transitions is None else f"replay {compact(m.transitions)}",
    }
    return [part for part in parts.values() if part is not None]


def compact(number: int) -> str:
    """Return a count in few characters: as it is below ten thousand, else with a unit, such as 12.3k or 1.2M."""
    for size, unit in _UNITS:
        if number >= max(0.9995 * size, 10_000):
            return f"{number / size:.3g}{unit}"
    return str(number)


def fitted(text: str, width: int) -> str:
    """Return as many of a line's parts, which stand two spaces apart, as there is room for; at least the first."""
    parts = text.split("  ")
    while len(parts) > 1 and len("  ".join(parts)) > width:
        parts.pop()
    return "  ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
