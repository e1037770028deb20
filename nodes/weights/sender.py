"""The sending side of a weights relay: on the learner's host, it copies versions from shared memory and sends them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import Field, PositiveInt

from rtgraph.msgs import WeightsChunk, WeightsRequest, WeightsVersion
from rtgraph.nodes.runtime import Input, Node, Output, Params, Placement, latest, queue
from rtgraph.nodes.weights.snapshots import check_snapshots, snapshots_of
from rtgraph.nodes.weights.versions import hold_newest
from rtgraph.nodes.weights.weights import weights_named

_FIRST_LIFE = -1
"""The ``life`` (number of the learner's run, from 0) of a version before the learner has announced any version."""


class SenderParams(Params):
    """The parameters of a weights sender."""

    weights: str
    """Name of the weights to send: `${weights:policy}`."""
    part_bytes: PositiveInt = 1 << 20
    """Size in bytes of the parts in which a version is sent."""
    lease_s: float = Field(default=60.0, gt=0)
    """Time in seconds without a request after which the sender drops its copy of the version for a receiver."""


@dataclass(slots=True)
class _Copy:
    """A copy of the version that one receiver is receiving, so that the version's memory slot can be reused meanwhile."""

    life: int
    version: int
    target: int | None
    joined: bool
    content: npt.NDArray[np.uint8]
    used_ns: int


class WeightsSender(Node[SenderParams]):
    """Sends weights to each `WeightsReceiver` that requests the newest version, or more parts of the version it receives.

    A receiver gets only whole versions, at the pace of its requests. If it lacks the current weights of the target network,
    they follow the version.
    """

    weights = Input(WeightsVersion, latest)
    weights_request = Input(WeightsRequest, queue(64), many=True)
    weights_chunk = Output(WeightsChunk, keyed=True)

    @classmethod
    def check_placement(cls, params: SenderParams, placement: Placement) -> None:
        """Check that the graph has the weights to send, and that they are shared in whole versions."""
        check_snapshots(weights_named(placement.weights, params.weights))

    def on_prepare(self) -> None:
        self._versions = snapshots_of(self.context.launch_context, self.params.weights)
        self._copies: dict[str, _Copy] = {}
        self._announced: WeightsVersion | None = None

    def on_start(self) -> None:
        """Start the timer that drops the copies of receivers that send no more requests."""
        self.every(round(self.params.lease_s * 1e9), self._forget)

    def on_weights(self, announced: WeightsVersion) -> None:
        """Keep the newest announcement, which names the learner's run and the memory slot of the target network's weights."""
        if announced.weights == self.params.weights:
            self._announced = announced

    def on_weights_request(self, request: WeightsRequest) -> None:
        """Send the requested parts. If there is no copy of their version, send the newest version from its first part."""
        copy, first = self._copies.get(request.receiver), request.first
        if copy is None or (copy.life, copy.version) != (request.life, request.version):
            copy, first = self._copy_newest(request), 0
            self._copies[request.receiver] = copy
        copy.used_ns = self.now_ns
        size = self.params.part_bytes
        parts = -(-copy.content.size // size)
        for part in range(first, min(first + request.count, parts)):
            self.weights_chunk.publish(
                WeightsChunk(
                    life=copy.life,
                    version=copy.version,
                    target=copy.target,
                    joined=copy.joined,
                    part=part,
                    parts=parts,
                    content=copy.content[part * size : (part + 1) * size],
                ),
                key=request.receiver,
            )

    def _copy_newest(self, request: WeightsRequest) -> _Copy:
        """Return a copy of the newest version, even if the learner has not announced it yet."""
        announced, versions = self._announced, self._versions
        version, slot, memory = hold_newest(versions)
        copies = [np.array(np.frombuffer(memory, np.uint8))]
        versions.release(slot)
        life = _FIRST_LIFE if announced is None else announced.life
        target = None if announced is None else announced.target_version
        if target is not None and (request.target_life, request.target) != (life, target):
            copy = self._copy_of_target()
            if copy is None:
                target = None  # already overwritten: another is about to be announced
            else:
                copies.append(copy)
        content = copies[0] if len(copies) == 1 else np.concatenate(copies)
        return _Copy(life, version, target, len(copies) > 1, content, self.now_ns)

    def _copy_of_target(self) -> npt.NDArray[np.uint8] | None:
        announced = self._announced
        if announced is None or announced.target_version is None or announced.target_slot is None:
            return None
        memory = self._versions.hold(announced.target_version, announced.target_slot)
        if memory is None:
            return None
        copy = np.array(np.frombuffer(memory, np.uint8))
        self._versions.release(announced.target_slot)
        return copy

    def _forget(self) -> None:
        oldest_ns = self.now_ns - round(self.params.lease_s * 1e9)
        self._copies = {
            receiver: copy for receiver, copy in self._copies.items() if copy.used_ns >= oldest_ns
        }
