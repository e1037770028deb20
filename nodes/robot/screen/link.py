"""The connection to a camera and to buttons: a ``Link`` runs the buttons' driver, a ``Capture`` runs the camera."""

from __future__ import annotations

from rtgraph.nodes.camera import Capture
from rtgraph.nodes.robot.connection.connection import Health, Sample
from rtgraph.nodes.robot.connection.link import Link

PICTURE = "picture"


class ScreenLink(Link):
    """A ``Link`` to buttons, with a camera. Its readings are the camera's pictures, with their capture times.

    The connection is up when the buttons answer and a picture was received. If the camera stops later, the last picture
    gets old. This is not a fault, since the camera is opened again. Call ``watch`` before ``start``.
    """

    _capture: Capture

    def watch(self, capture: Capture) -> None:
        """Use the pictures of a capture. This object starts and closes the capture."""
        self._capture = capture

    @property
    def health(self) -> Health:
        """The state of the connection to the buttons; ``connecting`` if they answer before the first picture."""
        health = self._health
        if health.state == "up" and self._capture.newest() is None:
            return Health(
                "connecting", f"the camera: {self._capture.problem or 'no picture'}", health.driver_number
            )
        return health

    @property
    def camera_problem(self) -> str:
        """The reason why no new pictures arrive; empty if new pictures arrive."""
        return self._capture.problem

    def start(self, now_ns: int) -> None:
        """Open the camera, and connect to the buttons."""
        self._capture.start()
        super().start(now_ns)

    def newest(self) -> Sample | None:
        """Return the newest picture; None before the first picture."""
        picture = self._capture.newest()
        return None if picture is None else Sample({PICTURE: picture.image}, picture.captured_ns)

    def close(self, within_s: float) -> bool:
        """Release the buttons, then the camera. Return False if one of them blocks."""
        closed = super().close(within_s)
        return self._capture.close(within_s) and closed
