"""Functions shared by the actions of ``rtgraph screen``: open a camera, wait for a picture, parse points and regions."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtgraph.nodes.camera import Capture, Picture
    from rtgraph.nodes.robot.screen.digits import Region
    from rtgraph.nodes.robot.screen.rectify import Image

FIRST_S = 10.0
"""Maximum wait for a new picture of the camera, in seconds."""
SKIPPED = 5
"""Number of pictures that are skipped at the start, because many cameras first have to adjust their exposure."""


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add the argument SOURCE, a camera."""
    parser.add_argument("source", metavar="SOURCE", help="number or path of a camera, a video file, or a URL")


@contextlib.contextmanager
def capturing(source: str, camera_size: tuple[int, int] | None = None) -> Iterator[Capture]:
    """Open a camera for the duration of the context.

    Args:
        source: number or path of a camera, a video file, or a URL.
        camera_size: width and height of the pictures; None for the size that the source gives.
    """
    from rtgraph.nodes.camera import Capture, CaptureParams  # noqa: PLC0415 - so that --help is instant
    from rtgraph.nodes.runtime.clock import WallClock  # noqa: PLC0415

    size = None if camera_size is None else (camera_size[1], camera_size[0])
    capture = Capture(CaptureParams(source=source, size=size), WallClock().now_ns)
    capture.start()
    try:
        yield capture
    finally:
        capture.close()


def next_picture(capture: Capture, after: int) -> Picture:
    """Wait until there is a picture with a number above ``after``, and return the newest picture.

    Pictures are numbered as the camera takes them.

    Raises:
        RobotError: the camera gives no picture within ``FIRST_S`` seconds.
    """
    from rtgraph.msgs.errors import RobotError  # noqa: PLC0415 - so that --help is instant

    picture = capture.wait_newer(after, FIRST_S)
    if picture is None:
        why = capture.problem or f"none has come within {FIRST_S:.0f} s"
        raise RobotError(
            f"the camera gives no picture: {why}", hint="check SOURCE; another program may use the camera"
        )
    return picture


def write_picture(path: Path, image: Image) -> None:
    """Write a picture, (height, width, 3) RGB uint8, as a PNG file. If this fails, no incomplete file is left.

    Raises:
        RobotError: the file cannot be written.
    """
    from PIL import Image as Pillow  # noqa: PLC0415 - so that --help is instant

    from rtgraph.msgs.atomic import atomic_path  # noqa: PLC0415
    from rtgraph.msgs.errors import RobotError  # noqa: PLC0415

    with atomic_path(path, RobotError) as partial:
        Pillow.fromarray(image).save(partial, format="PNG")


def point(text: str) -> tuple[float, float]:
    """Parse a point of a picture, ``x,y``: two numbers, in pixels."""
    try:
        x, y = map(float, text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not x,y: two numbers, such as 102,88.5") from error
    return x, y


def region(text: str) -> Region:
    """Parse a rectangle of a picture, ``left,top,width,height``: four whole numbers, in pixels."""
    try:
        left, top, width, height = map(int, text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not left,top,width,height: four whole numbers, such as 34,4,48,12"
        ) from error
    return left, top, width, height
