"""Cameras that are connected to the computer, not to the robot. The robot's driver reads robot and cameras together."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from rtgraph.msgs.declaration import built
from rtgraph.msgs.errors import NodeError, RobotError
from rtgraph.msgs.typed.strict import complaint, strict
from rtgraph.nodes.camera import Capture, CaptureParams
from rtgraph.nodes.robot.driver import Feature, Reading
from rtgraph.nodes.runtime.clock import WallClock

FIRST_S = 5.0
"""Maximum wait for the first pictures, in seconds."""
CLOSE_S = 0.3
"""Maximum wait for a camera to be released, in seconds. A blocked camera is released later, when its last call returns."""


class Cameras:
    """Reads the newest pictures of several cameras. Only ``connect`` waits for pictures.

    A camera that stops sending is opened again, as often as needed. Until it sends again, its last picture gets older.
    The robot stands still when the picture is too old.

    Args:
        cameras: the parameters of each camera by its name, as in ``CaptureParams``: ``source``, ``size``, and so on.
    """

    def __init__(self, cameras: Mapping[str, object] | None) -> None:
        self._params = camera_params(cameras)
        self._captures: dict[str, Capture] = {}
        self._clock = WallClock()

    @property
    def features(self) -> dict[str, Feature]:
        """The shape of each camera's pictures, (height, width, 3), by the camera's name."""
        return dict(shapes_of(self._params))

    def connect(self) -> None:
        """Open the cameras, and wait for the first picture of each.

        Raises:
            RobotError: a camera sends no picture in time.
        """
        self._captures = {name: Capture(params, self._clock.now_ns) for name, params in self._params.items()}
        for capture in self._captures.values():
            capture.start()
        for name, capture in self._captures.items():
            if capture.wait_newer(0, FIRST_S) is None:
                problem = capture.problem
                self.disconnect()
                raise RobotError(f"camera {name!r} sent no picture within {FIRST_S:g} s: {problem}")

    def read(self) -> dict[str, Reading]:
        """Return the newest picture of each camera."""
        pictures = {name: capture.newest() for name, capture in self._captures.items()}
        return {name: picture.image for name, picture in pictures.items() if picture is not None}

    def ages_ns(self) -> dict[str, int]:
        """Return the age of each camera's newest picture: the time since its capture, in ns."""
        now_ns = self._clock.now_ns()
        pictures = {name: capture.newest() for name, capture in self._captures.items()}
        return {
            name: now_ns - picture.captured_ns for name, picture in pictures.items() if picture is not None
        }

    def disconnect(self) -> None:
        """Release the cameras."""
        captures, self._captures = self._captures, {}
        for capture in captures.values():
            capture.close(CLOSE_S)


def shapes_of(cameras: Mapping[str, CaptureParams]) -> dict[str, tuple[int, int, int]]:
    """Return the height, width and channels of each camera's pictures, by the camera's name."""
    return {name: (*params.size, 3) for name, params in cameras.items() if params.size is not None}


def camera_params(cameras: Mapping[str, object] | None) -> dict[str, CaptureParams]:
    """Validate the parameters of cameras, and return them by the camera's name.

    Raises:
        NodeError: a parameter is unknown, missing or wrong.
    """
    found: dict[str, CaptureParams] = {}
    for name, values in (cameras or {}).items():
        try:
            params = found[name] = strict(TypeAdapter(built(CaptureParams)), values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            problem, hint = complaint(first)
            place = ".".join(map(str, (name, *first["loc"])))
            raise NodeError(f"driver_params: cameras.{place}: {problem}", hint=hint) from error
        if params.size is None:
            raise NodeError(
                f"driver_params: cameras.{name}: size is missing, and a robot's camera needs a size",
                hint="give size: [height, width]",
            )
    return found
