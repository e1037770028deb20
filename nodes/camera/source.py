"""A source of pictures: a camera, a video file or a stream, by OpenCV's ``VideoCapture``. Only this module imports OpenCV."""

from __future__ import annotations

import importlib
import os
import re
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from rtgraph.msgs import Record
from rtgraph.msgs.errors import RobotError
from rtgraph.msgs.typed.extras import needed_by

Image = npt.NDArray[np.uint8]
OPEN_TIMEOUT_MS = 5000
DEFAULT_FPS = 30.0


class SourceParams(Record):
    """A camera, a video file or a stream, and the size of its pictures."""

    source: int | str
    """The number or path of a device, a video file, or the URL of an MJPEG stream. A file starts again at its end."""
    size: tuple[int, int] | None = None
    """Height and width to which pictures are scaled: a list, or text such as 84x84. Null to keep the source's size."""
    asked_size: tuple[int, int] | None = None
    """Height and width requested from a device, which delivers the nearest size that it has."""
    fps: float | None = Field(default=None, gt=0, le=1000)
    """Pictures per second that a device is asked for, or at which a file is played; null for the rate of the device or file."""
    fourcc: str | None = Field(default=None, min_length=4, max_length=4)
    """Pixel format requested from a device, such as MJPG: many cameras reach high rates only with it."""
    read_timeout_s: float = Field(default=2.0, gt=0)
    """Maximum wait for a picture of a stream."""

    @field_validator("size", "asked_size", mode="before")
    @classmethod
    def _read(cls, size: object) -> object:
        if isinstance(size, str) and re.fullmatch(r"\d{1,5}x\d{1,5}", size):
            return tuple(map(int, size.split("x")))
        if size is not None and not (isinstance(size, list | tuple) and len(size) == 2):
            raise ValueError(f"{size!r:.40} is not a height and a width, such as 84x84")
        return tuple(size) if isinstance(size, list) else size

    @field_validator("size", "asked_size")
    @classmethod
    def _positive(cls, size: tuple[int, int] | None) -> tuple[int, int] | None:
        if size is not None and min(size) < 1:
            raise ValueError(f"a picture cannot have {size[0]} × {size[1]} pixels")
        return size


class Source(Protocol):
    """An open source of pictures. Its calls come from one thread."""

    def grab(self, closing: threading.Event) -> None:
        """Wait for the next picture. ``retrieve`` then returns it.

        Args:
            closing: an event that is set when the picture is no longer needed.

        Raises:
            RobotError: the source gives no picture.
        """
        ...

    def retrieve(self) -> Image:
        """Return the picture that ``grab`` waited for, (height, width, 3) RGB.

        Raises:
            RobotError: the picture cannot be decoded.
        """
        ...

    def release(self) -> None:
        """Release the device."""
        ...


def opencv() -> ModuleType:
    """Import OpenCV, quiet and with one thread.

    Raises:
        MissingPackage: OpenCV is not installed.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    with needed_by("a camera"):
        cv2 = importlib.import_module("cv2")
    cv2.setNumThreads(1)
    return cv2


def open_source(params: SourceParams) -> Source:
    """Open a camera, a video file or a stream.

    Raises:
        MissingPackage: OpenCV is not installed.
        RobotError: the source cannot be opened.
    """
    return _VideoSource(params)


class _VideoSource:
    def __init__(self, params: SourceParams) -> None:
        self._cv2: Any = opencv()
        self._params = params
        self._capture = self._opened()
        if not self._capture.isOpened():
            self._capture.release()
            raise RobotError(f"camera {params.source} cannot be opened", hint=self._hint())
        self._period_s = 0.0
        if self._is_file():
            own = self._capture.get(self._cv2.CAP_PROP_FPS)
            self._period_s = 1 / (params.fps or (own if 0 < own <= 1000 else DEFAULT_FPS))
        self._due_s = time.monotonic()

    def grab(self, closing: threading.Event) -> None:
        if self._period_s:
            self._due_s = max(self._due_s + self._period_s, time.monotonic() - self._period_s)
            closing.wait(max(0.0, self._due_s - time.monotonic()))
        if self._capture.grab():
            return
        if self._is_file() and self._capture.set(self._cv2.CAP_PROP_POS_FRAMES, 0) and self._capture.grab():
            return
        raise RobotError(f"camera {self._params.source} gives no picture")

    def retrieve(self) -> Image:
        cv2, size = self._cv2, self._params.size
        try:
            done, image = self._capture.retrieve()
            if not done or image is None:
                raise RobotError(f"camera {self._params.source} gives a picture that cannot be decoded")
            if size is not None and image.shape[:2] != size:
                image = cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA)
            code = cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB
            found: Image = cv2.cvtColor(image, code)
        except cv2.error as error:
            raise RobotError(
                f"camera {self._params.source} gives a picture that OpenCV cannot convert: {error}"
            ) from error
        return found

    def release(self) -> None:
        self._capture.release()

    def _opened(self) -> Any:
        cv2, params = self._cv2, self._params
        source = params.source
        if isinstance(source, str) and source.isdecimal():
            source = int(source)
        if isinstance(source, int) or source.startswith("/dev/"):
            capture = cv2.VideoCapture(source, cv2.CAP_V4L2)
            self._ask_device(capture)
            return capture
        # One thread: FFmpeg delays pictures by one for each further thread.
        options = [cv2.CAP_PROP_N_THREADS, 1]
        if not self._is_file():
            options += [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS]
            options += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(params.read_timeout_s * 1000)]
        return cv2.VideoCapture(source, cv2.CAP_FFMPEG, options)

    def _ask_device(self, capture: Any) -> None:
        cv2, params = self._cv2, self._params
        if params.fourcc is not None:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*params.fourcc))
        if params.asked_size is not None:
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, params.asked_size[0])
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, params.asked_size[1])
        if params.fps is not None:
            capture.set(cv2.CAP_PROP_FPS, params.fps)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)

    def _is_file(self) -> bool:
        source = str(self._params.source)
        return "://" not in source and not source.startswith("/dev/") and not source.isdecimal()

    def _hint(self) -> str | None:
        source = str(self._params.source)
        if self._is_file():
            return None if Path(source).exists() else "there is no such file"
        return "is it plugged in, and used by no other program?" if "://" not in source else None
