"""The connection to a camera and to buttons: the buttons' driver runs in a ``Link``, the camera in its ``Capture``."""

from __future__ import annotations

from rtgraph.nodes.camera import Capture
from rtgraph.nodes.robot.connection.connection import Health, Sample
from rtgraph.nodes.robot.connection.link import Link

PICTURE = "picture"


class ScreenLink(Link):
    """A link to buttons of which the samples are the camera's pictures, with their capture times.

    It is up when the buttons answer and the camera has given a picture. A camera that falls silent later makes samples
    old, and no fault: it is opened again by its capture. Call ``watch`` before ``start``.
    """

    _capture: Capture

    def watch(self, capture: Capture) -> None:
        """Take the pictures of a capture, which is started and closed with the link."""
        self._capture = capture

    @property
    def health(self) -> Health:
        """What a tick needs to know of the buttons; ``connecting`` while there is no picture."""
        health = self._health
        if health.state == "up" and self._capture.newest() is None:
            return Health("connecting", f"the camera: {self._capture.problem or 'no picture'}", health.life)
        return health

    @property
    def camera_problem(self) -> str:
        """Why there are no new pictures; empty if they come."""
        return self._capture.problem

    def start(self, now_ns: int) -> None:
        """Open the camera, and connect to the buttons."""
        self._capture.start()
        super().start(now_ns)

    def newest(self) -> Sample | None:
        """Return the newest picture."""
        picture = self._capture.newest()
        return None if picture is None else Sample({PICTURE: picture.image}, picture.captured_ns)

    def close(self, within_s: float) -> bool:
        """Release the buttons, then the camera."""
        closed = super().close(within_s)
        return self._capture.close(within_s) and closed
