"""A link of limited speed between the two ends of a relay, and a receiver that often finds no free slot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtgraph.msgs import WeightsChunk, WeightsRequest
from rtgraph.nodes.runtime import Input, Node, Output, Params, lossless
from rtgraph.nodes.weights import WeightsReceiver


class LinkParams(Params):
    bytes_per_s: float


class Link(Node[LinkParams]):
    """Forwards parts one after the other, delayed in proportion to their length, and requests at once."""

    parts = Input(WeightsChunk, lossless, keyed=True)
    weights_request = Input(WeightsRequest, lossless)
    asked = Output(WeightsRequest)
    weights_chunk = Output(WeightsChunk, keyed=True)

    def on_start(self) -> None:
        self._passed_bytes = 0
        self._receiver = ""

    def on_weights_request(self, request: WeightsRequest) -> None:
        self._receiver = request.receiver
        self.asked.publish(request.model_copy(update={"receiver": self.name}))

    def on_parts(self, part: WeightsChunk) -> None:
        self._part = part
        self._passed_bytes += part.content.nbytes
        self.spend(int(part.content.nbytes / self.params.bytes_per_s * 1e9), self._arrived)

    def _arrived(self) -> None:
        self.weights_chunk.publish(self._part, key=self._receiver)

    def result(self) -> dict[str, int]:
        return {"passed_bytes": self._passed_bytes}


class Crowded(WeightsReceiver):
    """Finds every slot in use two times out of three."""

    def on_prepare(self) -> None:
        super().on_prepare()
        publish: Callable[..., int | None] = self._versions.publish
        self.tries = 0

        def crowded(*arguments: Any, **more: Any) -> int | None:
            self.tries += 1
            return None if self.tries % 3 else publish(*arguments, **more)

        self._versions.publish = crowded  # type: ignore[method-assign]
