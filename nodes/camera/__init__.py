"""Cameras, video files and MJPEG streams: a reader of the newest picture, and a node that publishes it."""

from rtgraph.nodes.camera.capture import Capture, CaptureParams, Picture
from rtgraph.nodes.camera.node import Camera, CameraParams

__all__ = ["Camera", "CameraParams", "Capture", "CaptureParams", "Picture"]
