"""The learner's side of a relay: it reads versions of the weights in shared memory, and sends them in parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field, PositiveInt

from rtgraph.msgs import WeightsChunk, WeightsRequest, WeightsVersion
from rtgraph.nodes.runtime import Input, Node, Output, Params, latest, queue
from rtgraph.nodes.runtime.versions import hold_newest

_FIRST_LIFE = -1
"""Of a learner, before it has announced anything."""


class SenderParams(Params):
    """What a sender is told."""

    weights: str
    """The weights that are sent, by name: `${weights:policy}`."""
    part_bytes: PositiveInt = 1 << 20
    """How large a part is."""
    lease_s: float = Field(default=2.0, gt=0)
    """After how long a receiver that asks no more is forgotten."""


@dataclass(slots=True)
class _Held:
    """A version that a receiver is reading, which is not overwritten meanwhile."""

    life: int
    version: int
    slot: int
    used_ns: int


class WeightsSender(Node[SenderParams]):
    """Answers receivers that ask for parts of the newest version. Each reads at its own pace, and whole versions only."""

    weights = Input(WeightsVersion, latest)
    weights_request = Input(WeightsRequest, queue(64), many=True)
    weights_chunk = Output(WeightsChunk, keyed=True)

    def on_prepare(self) -> None:
        """Find the weights."""
        self._versions = self.context.surroundings.weights_named(self.params.weights).versions
        self._held: dict[tuple[str, bool], _Held] = {}
        self._announced: WeightsVersion | None = None

    def on_start(self) -> None:
        """Forget receivers that are gone, from time to time."""
        self.every(round(self.params.lease_s * 1e9), self._forget)

    def on_stop(self) -> None:
        """Let everything be overwritten."""
        for key in list(self._held):
            self._release(key)

    def on_weights(self, announced: WeightsVersion) -> None:
        """Send this one from now on, to those who begin."""
        if announced.weights == self.params.weights:
            self._announced = announced

    def on_weights_request(self, request: WeightsRequest) -> None:
        """Send what was asked for; where that version is gone, the newest from its beginning."""
        key = request.receiver, request.target
        held, first = self._held.get(key), request.first
        if held is None or held.version != request.version:
            held, first = self._hold_newest(key), 0
        if held is None:
            return  # it is gone already: a newer one is on its way
        held.used_ns = self.now_ns
        memory, size = self._versions.memory(held.slot), self.params.part_bytes
        parts = -(-memory.nbytes // size)
        for part in range(first, min(first + request.count, parts)):
            self.weights_chunk.publish(
                WeightsChunk(
                    number=request.number,
                    incarnation=request.incarnation,
                    life=held.life,
                    version=held.version,
                    part=part,
                    parts=parts,
                    content=np.frombuffer(memory[part * size : (part + 1) * size], np.uint8),
                ),
                key=request.receiver,
            )

    def _hold_newest(self, key: tuple[str, bool]) -> _Held | None:
        self._release(key)
        announced, (_, target) = self._announced, key
        if announced is None:
            if target:
                return None
            version, slot, _ = hold_newest(self._versions)  # the one that everybody begins with
            held = _Held(_FIRST_LIFE, version, slot, self.now_ns)
        else:
            told = announced.target_version if target else announced.version
            where = announced.target_slot if target else announced.slot
            if told is None or where is None or self._versions.hold(told, where) is None:
                return None
            held = _Held(announced.header.incarnation, told, where, self.now_ns)
        self._held[key] = held
        return held

    def _release(self, key: tuple[str, bool]) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            self._versions.release(held.slot)

    def _forget(self) -> None:
        oldest_ns = self.now_ns - round(self.params.lease_s * 1e9)
        for key in [key for key, held in self._held.items() if held.used_ns < oldest_ns]:
            self._release(key)
