"""The learner's side of a relay: it copies versions of the weights out of shared memory, and sends them in parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import Field, PositiveInt

from rtgraph.msgs import WeightsChunk, WeightsRequest, WeightsVersion
from rtgraph.nodes.runtime import Input, Node, Output, Params, Placement, latest, queue
from rtgraph.nodes.weights.snapshots import check_snapshots, snapshots_of
from rtgraph.nodes.weights.versions import hold_newest

_FIRST_LIFE = -1
"""Of a learner, before it has announced anything."""


class SenderParams(Params):
    """What a sender is told."""

    weights: str
    """The weights that are sent, by name: `${weights:policy}`."""
    part_bytes: PositiveInt = 1 << 20
    """How large a part is."""
    lease_s: float = Field(default=60.0, gt=0)
    """After how long a receiver that asks no more is forgotten."""


@dataclass(slots=True)
class _Parcel:
    """A version that a receiver is taking in, copied: nobody has to wait until it is there."""

    life: int
    version: int
    target: int | None
    joined: bool
    content: npt.NDArray[np.uint8]
    used_ns: int


class WeightsSender(Node[SenderParams]):
    """Answers receivers that ask for the newest version, or for more parts of the one that they are taking in.

    Each goes on at its own pace, and gets whole versions only. The target network's weights are joined where it has
    others than a receiver has.
    """

    weights = Input(WeightsVersion, latest)
    weights_request = Input(WeightsRequest, queue(64), many=True)
    weights_chunk = Output(WeightsChunk, keyed=True)

    @classmethod
    def check_placement(cls, params: SenderParams, placement: Placement) -> None:
        """Check that the weights are there, in whole versions."""
        check_snapshots(placement.weights_named(params.weights))

    def on_prepare(self) -> None:
        """Find the weights."""
        self._versions = snapshots_of(self.context.launch_context, self.params.weights)
        self._parcels: dict[str, _Parcel] = {}
        self._announced: WeightsVersion | None = None

    def on_start(self) -> None:
        """Forget receivers that are gone, from time to time."""
        self.every(round(self.params.lease_s * 1e9), self._forget)

    def on_weights(self, announced: WeightsVersion) -> None:
        """Note whose the newest version is, and where the target network's weights are."""
        if announced.weights == self.params.weights:
            self._announced = announced

    def on_weights_request(self, request: WeightsRequest) -> None:
        """Send what was asked for; where that version is not at hand any more, the newest from its beginning."""
        parcel, first = self._parcels.get(request.receiver), request.first
        if parcel is None or (parcel.life, parcel.version) != (request.life, request.version):
            parcel, first = self._parcel(request), 0
            self._parcels[request.receiver] = parcel
        parcel.used_ns = self.now_ns
        size = self.params.part_bytes
        parts = -(-parcel.content.size // size)
        for part in range(first, min(first + request.count, parts)):
            self.weights_chunk.publish(
                WeightsChunk(
                    life=parcel.life,
                    version=parcel.version,
                    target=parcel.target,
                    joined=parcel.joined,
                    part=part,
                    parts=parts,
                    content=parcel.content[part * size : (part + 1) * size],
                ),
                key=request.receiver,
            )

    def _parcel(self, request: WeightsRequest) -> _Parcel:
        """Copy the newest version that there is, which may not have been announced yet."""
        announced, versions = self._announced, self._versions
        version, slot, memory = hold_newest(versions)
        copies = [np.array(np.frombuffer(memory, np.uint8))]
        versions.release(slot)
        life = _FIRST_LIFE if announced is None else announced.life
        target = None if announced is None else announced.target_version
        if target is not None and (request.target_life, request.target) != (life, target):
            copy = self._copy_of_target()
            if copy is None:
                target = None  # it is gone: another is about to be announced
            else:
                copies.append(copy)
        content = copies[0] if len(copies) == 1 else np.concatenate(copies)
        return _Parcel(life, version, target, len(copies) > 1, content, self.now_ns)

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
        self._parcels = {
            receiver: parcel for receiver, parcel in self._parcels.items() if parcel.used_ns >= oldest_ns
        }
