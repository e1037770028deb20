"""The newest picture of a camera, a video file or an MJPEG stream.

A thread reads every picture and keeps the newest, so that pictures do not queue up. A source that fails or is absent is opened again,
without limit; the pause between retries doubles up to a maximum.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rtgraph.msgs import Record
from rtgraph.msgs.errors import RobotError
from rtgraph.msgs.typed.one_line import in_one_line
from rtgraph.nodes.camera.source import Source, SourceParams, open_source, opencv

Image = npt.NDArray[np.uint8]


class CaptureParams(SourceParams):
    """The source of the pictures, and retries after a failure."""

    silent_s: float = Field(default=1.0, gt=0)
    """Time without a picture after which the source counts as silent."""
    retry_s: float = Field(default=0.2, gt=0)
    """Pause before a failed source is opened again. The pause doubles with each further failure before a picture arrives."""
    retry_most_s: float = Field(default=5.0, gt=0)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: its pixels, its number and its capture time."""

    image: Image
    """(height, width, 3), RGB."""
    captured_ns: int
    """When this computer received the picture, in ns of the given clock."""
    number: int
    """The number of this picture, counted from 1 for the source's first picture."""


class CaptureCounts(Record):
    """Counts of a capture so far."""

    pictures: int
    dropped: int
    """Number of pictures that no call has returned, because a newer picture replaced them."""
    failures: int
    """Number of times that the source failed, or could not be opened."""


class Capture:
    """Reads one source, from ``start`` to ``close``. Calls are thread-safe, and only ``wait_newer`` and ``close`` block.

    Args:
        params: the source.
        now_ns: the clock of ``captured_ns``.
        opened: opens the source.
    """

    def __init__(
        self,
        params: CaptureParams,
        now_ns: Callable[[], int],
        opened: Callable[[SourceParams], Source] = open_source,
    ) -> None:
        self.params = params
        self._now_ns, self._opened = now_ns, opened
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._newest: Picture | None = None
        self._taken = 0
        self._pictures = self._dropped = self._failures = 0
        self._problem = "it is being opened"
        self._since_ns = 0
        self._thread = threading.Thread(target=self._run, name=f"camera {params.source}", daemon=True)

    def start(self) -> None:
        """Start the thread that reads the source.

        Raises:
            MissingPackage: OpenCV is not installed.
        """
        if self._opened is open_source:
            opencv()
        self._since_ns = self._now_ns()
        self._thread.start()

    def newest(self) -> Picture | None:
        """Return the newest picture, also if it was returned before; None before the first picture."""
        with self._changed:
            if self._newest is not None:
                self._taken = self._newest.number
            return self._newest

    def take(self) -> Picture | None:
        """Return the newest picture; None if there is no picture, or if any call has returned this picture before."""
        with self._changed:
            return None if self._newest is None or self._newest.number == self._taken else self.newest()

    def wait_newer(self, number: int, timeout_s: float) -> Picture | None:
        """Wait for a picture with a number above ``number``, and return the newest picture; None after a timeout."""
        with self._changed:
            came = self._changed.wait_for(
                lambda: self._newest is not None and self._newest.number > number, timeout_s
            )
            return self.newest() if came else None

    @property
    def problem(self) -> str:
        """The reason why no new pictures arrive; empty if new pictures arrive."""
        with self._changed:
            silent_ns = self._now_ns() - self._since_ns
            if self._problem or silent_ns <= self.params.silent_s * 1e9:
                return self._problem
            return f"no picture for {silent_ns / 1e9:.1f} s"

    @property
    def counts(self) -> CaptureCounts:
        """The numbers of pictures and failures so far."""
        with self._changed:
            return CaptureCounts(pictures=self._pictures, dropped=self._dropped, failures=self._failures)

    def close(self, within_s: float = 1.0) -> bool:
        """Stop reading and release the source. Return False if the source blocks: the thread that reads it is abandoned."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(within_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        pause_s = self.params.retry_s
        while not self._closing.is_set():
            before = self._pictures
            try:
                self._read()
            except Exception as error:  # OpenCV and its backends raise many kinds
                with self._changed:
                    self._failures += 1
                    self._problem = error.problem if isinstance(error, RobotError) else in_one_line(error)
            if self._pictures > before:
                pause_s = self.params.retry_s
            self._closing.wait(pause_s)
            pause_s = min(2 * pause_s, self.params.retry_most_s)

    def _read(self) -> None:
        """Read until the source fails or the capture is closed."""
        source = self._opened(self.params)
        try:
            while not self._closing.is_set():
                source.grab(self._closing)
                captured_ns = self._now_ns()
                self._keep(source.retrieve(), captured_ns)
        finally:
            source.release()

    def _keep(self, image: Image, captured_ns: int) -> None:
        with self._changed:
            if self._newest is not None and self._newest.number != self._taken:
                self._dropped += 1
            self._pictures += 1
            self._newest = Picture(image, captured_ns, self._pictures)
            self._problem, self._since_ns = "", captured_ns
            self._changed.notify_all()
