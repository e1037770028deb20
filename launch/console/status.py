"""Status output while a launch runs: one line that is updated, and notes above it."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.progress_bar import ProgressBar
from rich.table import Column
from rich.text import Text

from rtgraph.launch.console.progress_line import fitted

BAR = 24
_ELAPSED = 7


class Status(Protocol):
    """Receives the progress of a launch."""

    def phase(self, text: str, total: float | None = None) -> None:
        """Begin a phase of the launch. ``total`` is the progress value at the end of the phase, None if unknown."""
        ...

    def progress(self, done: float, text: str = "") -> None:
        """Report the progress of the phase. Parts of the text are two spaces apart, the most important part first."""
        ...

    def note(self, text: str) -> None:
        """Print a line that stays above the progress line."""
        ...


class Silent:
    """A status that prints nothing."""

    def phase(self, text: str, total: float | None = None) -> None: ...

    def progress(self, done: float, text: str = "") -> None: ...

    def note(self, text: str) -> None: ...


class ConsoleStatus:
    """Shows one updated line on a terminal; without a terminal, one line per phase. Writes to stderr.

    If the terminal is closed, output is dropped without an error, so that the launch can stop in order.

    Args:
        lines_every_s: without a terminal, seconds between two printed lines of progress; None for no such lines.
    """

    def __init__(self, lines_every_s: float | None = None) -> None:
        self._lines_every_s = lines_every_s
        self._line_s = 0.0
        """Time on the monotonic clock, in s, at which the last line was printed."""
        self._phase = ""
        self._console = Console(stderr=True, highlight=False)
        self._live = self._console.is_terminal
        one_line = Column(no_wrap=True, overflow="ellipsis")
        columns = (
            TextColumn("[bold]{task.description}", table_column=one_line.copy()),
            _RoomyBar(bar_width=BAR),
            TimeElapsedColumn(),
            TextColumn("{task.fields[text]}", table_column=one_line.copy()),
        )
        self._bar = Progress(*columns, console=self._console, transient=True)
        self._task: TaskID | None = None
        self._taken = 0

    def __enter__(self) -> Self:
        if self._live:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            with contextlib.suppress(OSError):
                self._bar.stop()

    def phase(self, text: str, total: float | None = None) -> None:
        """Begin a phase of the launch. On a terminal, its progress line replaces that of the previous phase."""
        with contextlib.suppress(OSError):
            if not self._live:
                self._phase, self._line_s = text, time.monotonic()
                print(f"{text} ...", file=sys.stderr, flush=True)
                return
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(text, total=total, text="", room=0)
            self._taken = len(text)

    def progress(self, done: float, text: str = "") -> None:
        """Show the progress of the phase."""
        if self._live and self._task is not None:
            room = self._console.width - self._taken - _ELAPSED - 3
            shown = fitted(text, room)
            with contextlib.suppress(OSError):
                self._bar.update(self._task, completed=done, text=shown, room=room - len(shown))
        elif not self._live and self._lines_every_s is not None:
            now_s = time.monotonic()
            if now_s - self._line_s >= self._lines_every_s:
                self._line_s = now_s
                self.note(f"{self._phase}: {text}")

    def note(self, text: str) -> None:
        """Print a line that stays above the progress line."""
        with contextlib.suppress(OSError):
            if self._live:
                self._bar.console.print(text, markup=False)
            else:
                print(text, file=sys.stderr, flush=True)


class _RoomyBar(BarColumn):
    """A progress bar that is hidden if the text of the line leaves no room for it."""

    def render(self, task: Task) -> ProgressBar | Text:  # type: ignore[override]
        """Return the bar, or an empty text if there is no room."""
        return super().render(task) if task.fields["room"] >= BAR else Text()
