"""The progress line of a run, made from the progress messages of its nodes. The most important parts come first."""

from __future__ import annotations

from rtgraph.launch.console.numbers import rounded
from rtgraph.msgs import LearningProgress, Progress, RobotState

ProgressMessage = Progress | LearningProgress | RobotState
PROGRESS = (Progress, LearningProgress, RobotState)
"""The message classes that report progress."""

_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


class ProgressLine:
    """Keeps the newest progress messages and formats them.

    Args:
        ticks: number of ticks of the run, if known.
        duration_s: duration of the run in the graph's time, if known.
    """

    def __init__(self, ticks: int | None = None, duration_s: float | None = None) -> None:
        self.total = ticks if duration_s is None else duration_s
        """The number of ticks of the run, or its duration in seconds; None if the end of the run is unknown."""
        self._ticks = ticks
        self._duration_s = duration_s
        self._progress: Progress | None = None
        self._learning: LearningProgress | None = None
        self._robot: RobotState | None = None
        # The progress and running time first seen: a resumed run does not begin at 0.
        self._first: tuple[float, float] | None = None

    def update(self, message: ProgressMessage) -> None:
        """Store the newest progress message of a node."""
        if isinstance(message, Progress):
            self._progress = message
        elif isinstance(message, RobotState):
            self._robot = message
        else:
            self._learning = message

    def render(self, time_s: float, wall_s: float) -> tuple[float, str]:
        """Return the progress, in the unit of ``total`` (ticks or seconds), and the text of the line.

        Args:
            time_s: the graph's time, in s.
            wall_s: how long the run has taken so far by the computer's clock, in s.
        """
        if self._duration_s is not None:
            done = time_s
        else:
            done = 0.0 if self._progress is None else float(self._progress.tick)
        left_s = self._left_s(done, wall_s)
        parts = [self._tick(), *(() if left_s is None else (f"{_clock(left_s)} left",))]
        if self._robot is not None:
            parts.append(robot_part(self._robot))
        if self._learning is not None:
            parts += learning_parts(self._learning)
        if self._progress is not None:
            parts += acting_parts(self._progress)
        if self._progress is None:
            parts.append(f"{time_s:,.1f} s")
        return done, "  ".join(part for part in parts if part)

    def _left_s(self, done: float, wall_s: float) -> float | None:
        """Return the remaining time in s; None if the end of the run or its speed is unknown.

        The speed is the progress since the first call that had any progress.
        """
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


def robot_part(robot: RobotState) -> str:
    """Return the part of the progress line about a robot: its state, and the reason for this state if there is one."""
    return f"{robot.state}: {robot.reason}" if robot.reason else robot.state


def acting_parts(progress: Progress) -> list[str]:
    """Return the parts of the progress line about ticks and decisions."""
    age = "–" if progress.age_ticks is None else f"{progress.age_ticks:.1f}"
    return [
        f"inaction {progress.inaction:.1%}",
        f"age {age}",
        f"late ≤ {progress.lateness_most_ms:.2f} ms",
        f"reward {progress.reward:+.0f}",
    ]


def learning_parts(learning: LearningProgress) -> list[str]:
    """Return the known parts of the progress line about learning, such as the mean return of the newest episodes."""
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
    """Return a short form of a count: the digits below ten thousand, otherwise with a unit, such as 12.3k or 1.2M."""
    for size, unit in _UNITS:
        if number >= max(0.9995 * size, 10_000):
            return f"{number / size:.3g}{unit}"
    return str(number)


def fitted(text: str, width: int) -> str:
    """Return as many of the first parts of a line as fit the width, at least one. Two spaces separate the parts."""
    parts = text.split("  ")
    while len(parts) > 1 and len("  ".join(parts)) > width:
        parts.pop()
    return "  ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
