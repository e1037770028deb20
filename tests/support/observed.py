"""A small graph for introspection tests: steady publishers, a keyed one, a lossless subscriber, changeable parameters."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from pydantic import Field, field_validator

from rtgraph.msgs import Message, array
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime import Changeable, Input, Node, Output, Params, lossless, queue
from rtgraph.nodes.runtime.clock import tick_time_ns


class Beat(Message):
    number: int
    gain: float = 0.0
    picture: array("uint8", None, None) = np.zeros((0, 0), np.uint8)  # type: ignore[valid-type]


class Letter(Message):
    text: str
    weight: float = Field(default=1.0, ge=0)


TOO_LOUD = 9.0
REFUSED = 8.0
UNLUCKY = 7.0


class MetronomeParams(Params):
    rate_hz: float = 60.0
    side: int = 4
    gain: Changeable[float] = Field(default=1.0, ge=0, le=10)

    @field_validator("gain")
    @classmethod
    def _no_seven(cls, gain: float) -> float:
        if gain == UNLUCKY:
            raise RuntimeError("a check that fails itself")
        return gain


class Metronome(Node[MetronomeParams]):
    """Publishes at a rate that it keeps on average, whatever the host does."""

    stop_rank: ClassVar[int] = 0
    beat = Output(Beat)

    def on_start(self) -> None:
        self._number = 0
        self._began_ns = self.now_ns
        self._picture = np.full((self.params.side, self.params.side), 7, np.uint8)
        self._schedule()

    def on_params(self, changed: frozenset[str]) -> None:
        if self.params.gain == TOO_LOUD:
            raise ValueError("too loud")
        if self.params.gain == REFUSED:
            self._publish_now()
            raise NodeError("gain: 8 is refused")
        self.log.info("changed: %s", sorted(changed))

    def _schedule(self) -> None:
        self.at(self._began_ns + tick_time_ns(self._number, self.params.rate_hz), self._publish)

    def _publish(self) -> None:
        self._publish_now()
        self._schedule()

    def _publish_now(self) -> None:
        self.beat.publish(Beat(number=self._number, gain=self.params.gain, picture=self._picture))
        self._number += 1


class Listener(Node[Params]):
    """Receives every beat, and reads none."""

    stop_rank: ClassVar[int] = 2
    slow = Input(Beat, lossless)
    fast = Input(Beat, queue(64))


class Postman(Node[Params]):
    """Writes a message to every reader, ten times a second."""

    letter = Output(Letter, keyed=True)

    def on_start(self) -> None:
        self.every(100_000_000, self._post)

    def _post(self) -> None:
        for name in ("reader/0", "reader/1"):
            self.letter.publish(Letter(text=f"dear {name}"), key=name)


class Reader(Node[Params]):
    """Reads what is addressed to it."""

    letter = Input(Letter, queue(16), keyed=True)

    def on_start(self) -> None:
        self._texts: dict[str, int] = {}

    def on_letter(self, letter: Letter) -> None:
        self._texts[letter.text] = self._texts.get(letter.text, 0) + 1

    def result(self) -> dict[str, Any]:
        return {"texts": self._texts}
