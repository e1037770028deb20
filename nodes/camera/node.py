"""The node of a camera."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from rtgraph.msgs import CameraImage
from rtgraph.nodes.camera.capture import Capture, CaptureParams
from rtgraph.nodes.runtime import Node, Output, Params

POLL_NS = 2_000_000
"""Interval at which the node polls for a new picture, in ns."""


class CameraParams(Params):
    """A camera, and how its pictures are published."""

    camera: CaptureParams
    """The camera, video file or stream."""
    rate_hz: float | None = Field(default=None, gt=0, le=1000)
    """Maximum number of pictures published per second; null to publish every picture. If pictures arrive faster than they
    are published, only the newest is published."""
    frame_id: str = ""
    """The camera's coordinate frame, like the ``frame_id`` of ROS; empty if it has none."""


class Camera(Node[CameraParams]):
    """Publishes the pictures of a camera, a video file or an MJPEG stream, with their capture times. In real time only.

    A camera that is absent or fails is opened again, without limit. Pictures that arrive faster than they are published are
    counted as dropped.
    """

    hardware: ClassVar[bool] = True
    imports_later: ClassVar[tuple[str, ...]] = ("cv2",)

    image = Output(CameraImage)

    def on_start(self) -> None:
        """Begin to read and to publish."""
        self._published = 0
        self._problem = ""
        self._capture = Capture(self.params.camera, self.context.now_ns)
        self._capture.start()
        rate_hz = self.params.rate_hz
        self.every(POLL_NS if rate_hz is None else round(1e9 / rate_hz), self._look)

    def on_stop(self) -> None:
        """Release the camera."""
        if not self._capture.close():
            self.log.warning("the camera does not answer: the thread that reads it is left running")

    def result(self) -> dict[str, Any]:
        """Return the counts of pictures and failures, and a warning if no new pictures arrived at the end."""
        counts = self._capture.counts.model_dump()
        warnings = [self._problem] if self._problem else []
        return {"published": self._published, **counts, **({"warnings": warnings} if warnings else {})}

    def failure(self) -> str:
        """Return why no picture was published; empty if a picture was published."""
        return "" if self._published else f"no picture was published: {self._capture.problem or 'none came'}"

    def _look(self) -> None:
        picture = self._capture.take()
        if picture is not None:
            self._published += 1
            self.image.publish(
                CameraImage(
                    image=picture.image, captured_ns=picture.captured_ns, frame_id=self.params.frame_id
                )
            )
        problem = self._capture.problem
        if problem and not self._problem:
            self.log.warning("camera %s: %s", self.params.camera.source, problem)
        self._problem = problem
