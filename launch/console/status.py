"""What a person sees while a launch runs: one line that is kept up to date, and notes above it."""

from __future__ import annotations

import contextlib
import sys
from types import TracebackType
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
    """Where a launch says how it goes."""

    def phase(self, text: str, total: float | None = None) -> None:
        """Begin a phase; ``total`` is what its progress counts up to, if that is known."""
        ...

    def progress(self, done: float, text: str = "") -> None:
        """Say how far the phase is. The text's parts stand two spaces apart, the most important first."""
        ...

    def note(self, text: str) -> None:
        """Say something worth keeping."""
        ...


class Silent:
    """Says nothing."""

    def phase(self, text: str, total: float | None = None) -> None: ...

    def progress(self, done: float, text: str = "") -> None: ...

    def note(self, text: str) -> None: ...


class ConsoleStatus:
    """One updating line on a terminal; a line for each phase where the output is no terminal. Writes to stderr.

    A terminal that is gone is no reason to fail: whoever it was for has left, the launch stops in order.
    """

    def __init__(self) -> None:
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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            with contextlib.suppress(OSError):
                self._bar.stop()

    def phase(self, text: str, total: float | None = None) -> None:
        """Begin a phase."""
        with contextlib.suppress(OSError):
            if not self._live:
                print(f"{text} ...", file=sys.stderr, flush=True)
                return
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(text, total=total, text="", room=0)
            self._taken = len(text)

    def progress(self, done: float, text: str = "") -> None:
        """Say how far the phase is."""
        if self._live and self._task is not None:
            room = self._console.width - self._taken - _ELAPSED - 3
            shown = fitted(text, room)
            with contextlib.suppress(OSError):
                self._bar.update(self._task, completed=done, text=shown, room=room - len(shown))

    def note(self, text: str) -> None:
        """Say something worth keeping."""
        with contextlib.suppress(OSError):
            if self._live:
                self._bar.console.print(text, markup=False)
            else:
                print(text, file=sys.stderr, flush=True)


class _RoomyBar(BarColumn):
    """A bar, where the rest of the line leaves room for it."""

    def render(self, task: Task) -> ProgressBar | Text:  # type: ignore[override]
        """Return the bar, or nothing."""
        return super().render(task) if task.fields["room"] >= BAR else Text()
