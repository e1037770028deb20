"""The node that sends network weights from the learner's host to receiver nodes on other hosts."""

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
"""The ``life`` of a version that is sent before the learner's first announcement. ``life`` counts the learner's starts from 0."""


class SenderParams(Params):
    """The parameters of a weights sender."""

    weights: str
    """Name of the weights to send: `${weights:policy}`."""
    part_bytes: PositiveInt = 1 << 20
    """Size in bytes of one part. A version is sent in parts."""
    lease_s: float = Field(default=60.0, gt=0)
    """Minimum time in seconds from a receiver's last request until the sender drops the copy that it keeps for this receiver."""


@dataclass(slots=True)
class _Copy:
    """A copy of the version that one receiver is receiving. The learner may meanwhile overwrite the original in shared memory."""

    life: int
    version: int
    target: int | None
    joined: bool
    content: npt.NDArray[np.uint8]
    used_ns: int


class WeightsSender(Node[SenderParams]):
    """Sends versions of network weights, in parts, to each `WeightsReceiver` that requests them.

    A receiver requests the newest version, and then further parts of this version. If the receiver lacks the newest weights of
    the target network, the sender appends these weights to the version, and sends both as one sequence of parts.
    """

    weights = Input(WeightsVersion, latest)
    weights_request = Input(WeightsRequest, queue(64), many=True)
    weights_chunk = Output(WeightsChunk, keyed=True)

    @classmethod
    def check_placement(cls, params: SenderParams, placement: Placement) -> None:
        """Check that the graph has the weights to send, and that these weights have `sharing: snapshot`."""
        check_snapshots(weights_named(placement.weights, params.weights))

    def on_prepare(self) -> None:
        self._versions = snapshots_of(self.context.launch_context, self.params.weights)
        self._copies: dict[str, _Copy] = {}
        self._announced: WeightsVersion | None = None

    def on_start(self) -> None:
        """Start the timer that drops copies of versions when their receivers have stopped sending requests."""
        self.every(round(self.params.lease_s * 1e9), self._forget)

    def on_weights(self, announced: WeightsVersion) -> None:
        """Keep the newest announcement: it says in which memory slot the target network's weights are."""
        if announced.weights == self.params.weights:
            self._announced = announced

    def on_weights_request(self, request: WeightsRequest) -> None:
        """Send the requested parts of a version.

        If the sender has no copy of that version, send the first parts of the newest version instead.
        """
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
        """Return a copy of the newest version in memory, whether or not the learner has announced this version."""
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
