"""The far side of a relay: it asks for versions of the weights, and puts them into the shared memory of its own host."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import Field, PositiveInt

from rtgraph.msgs import WeightsChunk, WeightsRequest, WeightsVersion
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime import Input, Node, Output, Params, latest, queue

_NONE = (-1, -1)
_RETRY_NS = 20_000_000
"""Between attempts to find a slot that nobody reads."""


class ReceiverParams(Params):
    """What a receiver is told."""

    weights: str
    """The weights that are kept the same as the sender's, by name: `${weights:far}`. Of the same network, `snapshot`."""
    window: PositiveInt = 8
    """How many parts are asked for at once."""
    ask_again_s: float = Field(default=0.5, gt=0)
    """After how long without a part it asks again."""


@dataclass(slots=True)
class _Version:
    """A version that is coming in."""

    life: int
    number: int
    parts: int
    content: bytearray = field(default_factory=bytearray)
    got: int = 0
    """Parts that are there: the first ones."""


class WeightsReceiver(Node[ReceiverParams]):
    """Follows the weights of a sender, and publishes each version that has come in whole, as a learner does.

    It takes the newest version whenever it is done with one; those between are passed over. What is lost is asked
    for again.
    """

    announced = Input(WeightsVersion, latest)
    weights_chunk = Input(WeightsChunk, queue(256), keyed=True)
    weights_request = Output(WeightsRequest)
    weights = Output(WeightsVersion)

    def on_prepare(self) -> None:
        """Find the weights."""
        self._versions = self.context.surroundings.weights_named(self.params.weights).versions
        if self._versions.sharing != "snapshot":
            raise NodeError(
                f"the weights {self.params.weights!r} are {self._versions.sharing}",
                hint="give them `sharing: snapshot`",
            )
        self._size = self._versions.memory(self._versions.newest()[1]).nbytes

    def on_start(self) -> None:
        """Ask for the version that there is."""
        self._wanted: WeightsVersion | None = None
        self._todo: list[bool] = []
        """What is asked for next: the target network, and the weights."""
        self._asked = 0
        self._asked_ns: int | None = None
        """When, or when the last part came; None while nothing is asked for."""
        self._target = False
        self._coming: _Version | None = None
        self._have: dict[bool, tuple[int, int]] = {}
        """The life and the number of the version that is here, of the weights and of the target network."""
        self._target_slot: int | None = None
        self._received = self._again = 0
        self.every(round(self.params.ask_again_s * 1e9), self._ask_again)
        self._ask()

    def on_announced(self, announced: WeightsVersion) -> None:
        """Ask for it, unless another is coming in."""
        self._wanted = announced
        if self._asked_ns is None:
            self._begin()

    def on_weights_chunk(self, chunk: WeightsChunk) -> None:
        """Take in a part; with the last one there is a version."""
        asked = self.context.identity.incarnation, self._asked - 1
        if (chunk.incarnation, chunk.number) != asked or self._asked_ns is None:
            return  # asked for again since
        coming = self._coming
        if coming is None or (coming.life, coming.number) != (chunk.life, chunk.version):
            coming = self._coming = _Version(chunk.life, chunk.version, chunk.parts)
        if chunk.part != coming.got:
            return  # one before it was lost, and all from that one on will be asked for again
        coming.content += memoryview(chunk.content)
        coming.got += 1
        self._asked_ns = self.now_ns
        if coming.got == coming.parts:
            self._finish()
        elif coming.got == self._until:
            self._ask()

    def result(self) -> dict[str, Any]:
        """Return how many versions came in, and how often something had to be asked for again."""
        return {"received": self._received, "asked_again": self._again}

    def _begin(self) -> None:
        """Ask for what is newer than what is here, once for each that is announced."""
        if not self._todo and self._wanted is not None:
            wanted, self._wanted = self._wanted, None
            if self._lacks(wanted, target=True):
                self._todo = [True, False]  # it is told with the weights, so it has to be there before them
            elif self._lacks(wanted, target=False):
                self._todo = [False]
        if self._todo:
            self._target, self._coming = self._todo.pop(0), None
            self._ask()

    def _lacks(self, wanted: WeightsVersion, *, target: bool) -> bool:
        version = wanted.target_version if target else wanted.version
        return version is not None and self._have.get(target, _NONE) < (wanted.header.incarnation, version)

    def _ask(self) -> None:
        coming = self._coming
        first = 0 if coming is None else coming.got
        self._until = first + self.params.window
        self._asked_ns = self.now_ns
        self.weights_request.publish(
            WeightsRequest(
                receiver=self.name,
                number=self._asked,
                incarnation=self.context.identity.incarnation,
                target=self._target,
                version=None if coming is None else coming.number,
                first=first,
                count=self.params.window,
            )
        )
        self._asked += 1

    def _ask_again(self) -> None:
        whole = self._coming is not None and self._coming.got == self._coming.parts
        if self._asked_ns is None or whole:
            return
        if self.now_ns - self._asked_ns >= self.params.ask_again_s * 1e9:
            self._again += 1
            self._ask()

    def _finish(self) -> None:
        """Put what has come in where others read it, when there is a place for it."""
        coming, versions = self._coming, self._versions
        if coming is None:
            return
        content = coming.content
        if len(content) != self._size:
            raise NodeError(
                f"the weights that come in are of {len(content)} bytes, {self.params.weights!r} of {self._size}",
                hint="give both the same network and plant",
            )

        def write(memory: memoryview) -> None:
            memory[:] = content

        kept = () if self._target_slot is None else (self._target_slot,)
        slot = versions.publish(coming.number, write, keep=kept, newest=not self._target)
        if slot is None:
            self.after(_RETRY_NS, self._finish)
            return
        self._have[self._target] = coming.life, coming.number
        self._coming = self._asked_ns = None
        if self._target:
            self._target_slot = slot
        else:
            self._received += 1
            target = self._have.get(True)
            self.weights.publish(
                WeightsVersion(
                    weights=self.params.weights,
                    version=coming.number,
                    slot=slot,
                    target_version=None if target is None else target[1],
                    target_slot=self._target_slot,
                )
            )
        self._begin()
