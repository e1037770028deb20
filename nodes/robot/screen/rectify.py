"""Rectified pictures of a screen: the perspective is removed, by means of the corners of the screen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.camera.source import opencv

Image = npt.NDArray[np.uint8]
Point = tuple[float, float]
Corners = tuple[Point, Point, Point, Point]
"""The top left, top right, bottom right and bottom left corner, as (x, y) in pixels of the camera's picture."""
MOST_SAMPLES = 4
LEAST_SHARE = 0.02
"""Minimum share of the picture that a screen covers."""
LEAST_CONTRAST = 40
"""Minimum difference between the darkest and the brightest pixel of a picture with a bright screen."""


class Rectifier:
    """Rectifies pictures of one camera.

    Each pixel is the mean of k × k samples, where k is about the number of camera pixels along the longer side of a
    rectified pixel, and at most 4. This keeps thin lines and averages noise.

    Args:
        corners: the screen's corners.
        size: width and height of the rectified pictures.
    """

    def __init__(self, corners: Corners, size: tuple[int, int]) -> None:
        self._cv2 = opencv()
        self._size = size
        points = np.array(corners, np.float32)
        sides = np.linalg.norm(points - np.roll(points, -1, axis=0), axis=1)
        per_pixel = max(sides[0], sides[2]) / size[0], max(sides[1], sides[3]) / size[1]
        self._samples = int(np.clip(round(max(per_pixel)), 1, MOST_SAMPLES))
        width, height = size[0] * self._samples, size[1] * self._samples
        # A pixel's centre is at a whole number; the corners are the outer edges of the corner pixels.
        edges = [(-0.5, -0.5), (width - 0.5, -0.5), (width - 0.5, height - 0.5), (-0.5, height - 0.5)]
        self._map = self._cv2.getPerspectiveTransform(points, np.array(edges, np.float32))
        self._wide = (width, height)

    def __call__(self, image: Image) -> Image:
        """Return the rectified picture, (height, width, 3) uint8.

        Args:
            image: the camera's picture, (height, width, 3) uint8.
        """
        cv2 = self._cv2
        found: Image = cv2.warpPerspective(image, self._map, self._wide, flags=cv2.INTER_LINEAR)
        if self._samples > 1:
            found = cv2.resize(found, self._size, interpolation=cv2.INTER_AREA)
        return found


def grey_of(image: Image) -> Image:
    """Return the luminance of a picture, (height, width, 3) uint8, as Atari's emulator computes it: (height, width) uint8."""
    found: Image = opencv().cvtColor(image, opencv().COLOR_RGB2GRAY)
    return found


def find_corners(image: Image) -> Corners:
    """Return the corners of the largest bright area in a picture. The area is, for example, a screen in a dark room.

    The picture is (height, width, 3) uint8.

    Raises:
        RobotError: no bright area is large enough, or the largest does not have four corners.
    """
    cv2, grey = opencv(), grey_of(image)
    if np.ptp(grey) < LEAST_CONTRAST:
        raise _no_rectangle()
    _, bright = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    outlines, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(outlines, key=cv2.contourArea, default=None)
    least = LEAST_SHARE * image.shape[0] * image.shape[1]
    if largest is not None and cv2.contourArea(largest) >= least:
        corners = cv2.approxPolyDP(largest, 0.05 * cv2.arcLength(largest, True), True).reshape(-1, 2)
        if len(corners) == 4:
            return in_order([(float(x), float(y)) for x, y in corners])
    raise _no_rectangle()


def in_order(points: Sequence[Point]) -> Corners:
    """Return four corners in order: top left, top right, bottom right, bottom left.

    Raises:
        RobotError: the number of points is not four, or the points are not the corners of a convex area.
    """
    if len(points) == 4:
        corners = np.array(points, np.float64)
        angles = np.arctan2(*(corners - corners.mean(axis=0)).T[::-1])
        corners = corners[np.argsort(angles)]  # clockwise on a picture, from the top left
        corners = np.roll(corners, -int(np.argmin(corners.sum(axis=1))), axis=0)
        sides = np.roll(corners, -1, axis=0) - corners
        following = np.roll(sides, -1, axis=0)
        turns = sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0]
        if (turns > 0).all():
            first, second, third, fourth = ((float(x), float(y)) for x, y in corners)
            return first, second, third, fourth
    raise RobotError(
        f"the {len(points)} points {' '.join(f'{x:g},{y:g}' for x, y in points)} are not the corners of a convex area with four sides",
        hint="give the four corners of the screen: --corners x,y x,y x,y x,y",
    )


def _no_rectangle() -> RobotError:
    return RobotError(
        "no bright rectangle in the picture", hint="show a bright picture on the screen, or give --corners"
    )
