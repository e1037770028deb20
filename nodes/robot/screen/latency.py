"""The end-to-end latency of a screen: from the press of a button to the change of the camera's picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.camera import Capture
from rtgraph.nodes.camera.source import opencv
from rtgraph.nodes.robot.driver import Driver
from rtgraph.nodes.robot.screen.digits import Region
from rtgraph.nodes.robot.screen.rectify import Image

STILL_PICTURES = 12
"""Number of pictures without a press. The later half of them shows how much the region changes by itself."""
MARGIN = 2.0
"""A change counts if it is more than this many times the largest change without a press."""
LEAST_CHANGE = 4.0
"""Minimum change that counts, of the mean brightness of a block. Brightness is from 0 to 255."""
BLOCK = 4
"""Side of a block, in pixels. Brightness is averaged over blocks: this reduces noise, but small objects still count."""
GOLDEN = 0.6180339887498949
"""The inverse of the golden ratio: its multiples modulo 1 are evenly spread."""
REFRESH_S = 0.03
"""Interval at which a pressed button is sent again, so that the firmware does not release it."""
FIRST_S = 10.0
CHANGE_S = 1.0
"""``FIRST_S`` and ``CHANGE_S``: maximum wait, in seconds, for each picture before a press, and for a change after a
press."""


@dataclass(frozen=True, slots=True)
class Latency:
    """The result of a measurement."""

    each_ns: tuple[int, ...]
    """The latency of each press that changed the picture."""
    missed: int
    """Number of presses that changed nothing."""
    picture_ns: int
    """Median time between two pictures. This is the resolution of the measurement."""

    def quantile_ms(self, share: float) -> float:
        """Return a quantile of the latencies, in ms."""
        return float(np.quantile(self.each_ns, share)) / 1e6


class LatencyMeter:
    """Measures the latency of one screen. The region must be still while nothing is pressed.

    Args:
        capture: the camera, which has been started.
        driver: the driver of the buttons, which is connected.
        rectify: the rectifier of pictures.
        region: the part of the picture that changes.
        now_ns: the clock of the capture.
    """

    def __init__(
        self,
        capture: Capture,
        driver: Driver,
        rectify: Callable[[Image], Image],
        region: Region,
        now_ns: Callable[[], int],
    ) -> None:
        self._capture, self._driver = capture, driver
        self._rectify, self._region, self._now_ns = rectify, region, now_ns
        self._number = 0

    def measure(self, buttons: Sequence[str], times: int) -> Latency:
        """Press the buttons in turn, ``times`` presses in all. Measure the time from each press until the picture changes.

        Raises:
            RobotError: there is no such button, the camera gives no picture, or no press changed the picture.
        """
        if unknown := [name for name in buttons if name not in self._driver.action_features]:
            raise RobotError(
                f"there is no button {unknown[0]!r}",
                hint=f"the buttons are {', '.join(self._driver.action_features)}",
            )
        found, intervals = [], []
        for turn in range(times):
            before, threshold, interval_ns = self._watch()
            intervals.append(interval_ns)
            # Presses are spread over the time between two pictures.
            time.sleep(turn * GOLDEN % 1.0 * interval_ns / 1e9)
            found.append(self._press(buttons[turn % len(buttons)], before, threshold))
        seen = tuple(one for one in found if one is not None)
        if not seen:
            raise RobotError(
                f"none of {times} presses changed the picture",
                hint="choose a --region that changes only when a button is pressed",
            )
        return Latency(seen, times - len(seen), int(np.median(intervals)))

    def _watch(self) -> tuple[npt.NDArray[np.float64], float, int]:
        """Release all buttons, and take ``STILL_PICTURES`` pictures of the region while no button is pressed.

        Return the last picture, the change of brightness above which a press counts as seen, and the median time between two
        pictures in ns.
        """
        self._driver.send_action({})
        seen = [self._look(FIRST_S) for _ in range(STILL_PICTURES)]
        changes = [_difference(one, other) for (one, _), (other, _) in pairwise(seen)]
        stamps = [captured_ns for _, captured_ns in seen]
        # The first pictures may still show the effect of the last press.
        own = max(changes[STILL_PICTURES // 2 :])
        return seen[-1][0], max(MARGIN * own, LEAST_CHANGE), int(np.median(np.diff(stamps)))

    def _press(self, button: str, before: npt.NDArray[np.float64], threshold: float) -> int | None:
        pressed_ns = self._now_ns()
        sent_s = time.monotonic()
        self._driver.send_action({button: 1.0})
        try:
            while self._now_ns() - pressed_ns < CHANGE_S * 1e9:
                picture = self._capture.wait_newer(self._number, REFRESH_S)
                if picture is not None:
                    self._number = picture.number
                    if (
                        picture.captured_ns > pressed_ns
                        and _difference(self._cut(picture.image), before) > threshold
                    ):
                        return picture.captured_ns - pressed_ns
                if time.monotonic() - sent_s > REFRESH_S:
                    sent_s = time.monotonic()
                    self._driver.send_action({button: 1.0})
        finally:
            self._driver.send_action({})
        return None

    def _look(self, within_s: float) -> tuple[npt.NDArray[np.float64], int]:
        picture = self._capture.wait_newer(self._number, within_s)
        if picture is None:
            raise RobotError(
                f"the camera gives no picture: {self._capture.problem or 'the camera is silent'}"
            )
        self._number = picture.number
        return self._cut(picture.image), picture.captured_ns

    def _cut(self, image: Image) -> npt.NDArray[np.float64]:
        left, top, width, height = self._region
        crop: npt.NDArray[np.float64] = self._rectify(image)[top : top + height, left : left + width].mean(
            axis=2
        )
        return crop


def _difference(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """Return how much two pictures differ: the largest difference in the mean brightness of a block."""
    blocks = opencv().blur(one - other, (BLOCK, BLOCK))
    return float(np.abs(blocks).max())
