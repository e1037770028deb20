"""Cameras, video files and MJPEG streams: a reader that has the newest picture, and a node that publishes it."""

from rtgraph.nodes.camera.capture import Capture, CaptureParams, Picture

__all__ = ["Capture", "CaptureParams", "Picture"]
