"""Two pairs of nodes: a paced pair for the latency of frames, and a fast pair limited by the subscriber's credit."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from rtgraph.msgs import Message, Observation
from rtgraph.nodes.runtime import Input, Node, Output, Params, Urgency, latest, queue
from rtgraph.nodes.runtime.clock import tick_time_ns

WINDOW = 300
"""Maximum frames in flight. They fit a node's queue of a thousand, which also counts up to 500 frames that are already taken,
and those sent within 3 million processor cycles: see ``raw_pair.WAITING_MOST``.
"""
CREDIT = 100
"""Number of frames per acknowledgement."""


class PacedParams(Params):
    shape: tuple[int, ...]
    rate_hz: float
    frames: int


class PacedPublisher(Node[PacedParams]):
    """Publishes a number of frames at a steady rate."""

    frame = Output(Observation)

    def on_start(self) -> None:
        self._value = frame_of(self.params.shape)
        self._sent = 0
        self._next()

    def _next(self) -> None:
        self.at(tick_time_ns(self._sent + 1, self.params.rate_hz), self._publish, Urgency.TICK)

    def _publish(self) -> None:
        if self._sent == self.params.frames:
            self.finish("every frame is sent")
            return
        self.frame.publish(Observation(tick=self._sent, episode=0, value=self._value))
        self._sent += 1
        self._next()


class Timekeeper(Node[Params]):
    """Records the age of each frame when its handler begins."""

    frame = Input(Observation, latest)

    def on_prepare(self) -> None:
        self._ages_ns: list[int] = []

    def on_frame(self, message: Observation) -> None:
        self._ages_ns.append(self.now_ns - message.header.stamp_ns)

    def result(self) -> dict[str, Any]:
        return {"ages_ns": self._ages_ns}


class Credit(Message):
    """Acknowledges a number of frames."""

    received: int


class FastParams(Params):
    shape: tuple[int, ...]
    duration_s: float


class FastPublisher(Node[FastParams]):
    """Publishes a window of frames, then one frame per acknowledged frame."""

    credit = Input(Credit, queue(2 * WINDOW // CREDIT))
    frame = Output(Observation)

    def on_start(self) -> None:
        self._value = frame_of(self.params.shape)
        self._sent = 0
        self._until_ns = self.now_ns + round(self.params.duration_s * 1e9)
        self._began_cpu_s = time.process_time()
        self._publish(WINDOW)

    def on_credit(self, message: Credit) -> None:
        if self.now_ns < self._until_ns:
            self._publish(CREDIT)
        elif message.received == self._sent:
            self.finish("every frame is acknowledged")

    def result(self) -> dict[str, Any]:
        return {"cpu_us": (time.process_time() - self._began_cpu_s) / self._sent * 1e6}

    def _publish(self, count: int) -> None:
        for _ in range(count):
            self.frame.publish(Observation(tick=self._sent, episode=0, value=self._value))
            self._sent += 1


class Counter(Node[Params]):
    """Counts frames and acknowledges them."""

    frame = Input(Observation, queue(2 * WINDOW))
    credit = Output(Credit)

    def on_prepare(self) -> None:
        self._received = self._lost = 0

    def on_frame(self, message: Observation) -> None:
        self._lost = message.tick - self._received
        self._received += 1
        if self._received == WINDOW:
            self._began_ns, self._began_cpu_s = self.now_ns, time.process_time()
        if self._received % CREDIT == 0:
            self._ended_ns, self._ended_cpu_s = self.now_ns, time.process_time()
            self.credit.publish(Credit(received=self._received))

    def result(self) -> dict[str, Any]:
        counted = self._received - self._received % CREDIT - WINDOW
        return {
            "rate_hz": counted / (self._ended_ns - self._began_ns) * 1e9,
            "cpu_us": (self._ended_cpu_s - self._began_cpu_s) / counted * 1e6,
            "lost": self._lost,
        }


def frame_of(shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a frame that does not compress."""
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
