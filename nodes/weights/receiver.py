"""The node that receives network weights from a sender node on another host, and writes them to this host's memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from pydantic import Field

from rtgraph.msgs import WeightsChunk, WeightsRequest, WeightsVersion
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime import Input, Node, Output, Params, Placement, latest, queue
from rtgraph.nodes.weights.snapshots import check_snapshots, snapshots_of
from rtgraph.nodes.weights.weights import weights_named

_MOST_AT_ONCE = 128
_RETRY_NS = 20_000_000
"""Time in ns between two attempts to write a received version to memory, while readers use all memory slots."""
_PATIENCE = 4
"""A missing part of a version is requested again after this many times the time between the last two parts."""
_LONGEST_NS = 10_000_000_000
"""The time between two unanswered requests doubles up to this time in ns. So a sender that restarts soon gets a new request."""


class ReceiverParams(Params):
    """The parameters of a weights receiver."""

    of: str
    """Name of the weights to receive, as in the sender's params: `${weights:policy}`."""
    weights: str
    """Name of the weights on this host that are overwritten with the received weights: `${weights:far}`.

    Both weights need the same network and plant. The weights on this host need `sharing: snapshot`.
    """
    window: int = Field(default=8, ge=1, le=_MOST_AT_ONCE)
    """Maximum number of parts (pieces of a version) per request."""
    ask_again_s: float = Field(default=0.5, gt=0)
    """Minimum time in seconds without a new part before the receiver repeats its request. The time grows if parts arrive slowly."""


@dataclass(slots=True)
class _IncomingVersion:
    """A version of the weights that is being received. ``content`` holds the bytes received so far.

    If ``joined`` is set, the target network's weights follow the version's weights in ``content``.
    """

    life: int
    version: int
    target: int | None
    joined: bool
    parts: int
    content: bytearray = field(default_factory=bytearray)
    got: int = 0
    """Number of parts received so far, without a gap."""
    target_slot: int | None = None
    """Memory slot with the target network's weights; None if there is no target network or its weights are not yet written."""

    def world_state(self) -> dict[str, Any]:
        """Return the state that a checkpoint of the virtual world saves: all attributes by name, with ``content`` as bytes."""
        return {one.name: getattr(self, one.name) for one in fields(self)} | {"content": bytes(self.content)}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the attributes saved in a checkpoint of the virtual world."""
        for name, value in state.items():
            setattr(self, name, value)
        self.content = bytearray(state["content"])


class WeightsReceiver(Node[ReceiverParams]):
    """Copies versions of network weights from a `WeightsSender` on another host, and announces each complete version.

    A version arrives in parts, and lost parts are requested again. After each version the receiver requests the newest version,
    if a newer one has been announced. Versions that were published in the meantime are skipped. A version with NaN or infinite
    weights is refused.
    """

    announced = Input(WeightsVersion, latest)
    weights_chunk = Input(WeightsChunk, queue(2 * _MOST_AT_ONCE), keyed=True)
    weights_request = Output(WeightsRequest)
    weights = Output(WeightsVersion)

    @classmethod
    def check_placement(cls, params: ReceiverParams, placement: Placement) -> None:
        """Check that the graph has the weights to overwrite, and that these weights have `sharing: snapshot`."""
        check_snapshots(weights_named(placement.weights, params.weights))

    def on_prepare(self) -> None:
        self._versions = snapshots_of(self.context.launch_context, self.params.weights)
        self._size = self._versions.memory(self._versions.newest()[1]).nbytes

    def on_start(self) -> None:
        self._wanted: WeightsVersion | None = None
        self._incoming: _IncomingVersion | None = None
        self._whole = False
        self._until = 0
        """Number of the first part that is not requested yet; 0 while no version is requested."""
        self._here: WeightsVersion | None = None
        """The version that this receiver announced last; None before the first announcement."""
        self._heard_ns = self.now_ns
        self._patience_ns = round(self.params.ask_again_s * 1e9)
        self._received = self._again = self._refused = 0
        self._useless: tuple[int, int] | None = None
        """The last version with NaN or infinite weights: (number of the learner's run, version). It is not requested again."""
        self.every(round(self.params.ask_again_s * 1e9), self._retry_lost_parts)
        self._request_parts()

    def on_announced(self, announced: WeightsVersion) -> None:
        """If the announced version is newer than this host's version, request the newest; else announce this host's version again.

        While a version is being received, do neither.
        """
        if announced.weights != self.params.of:
            return
        self._wanted = announced
        if self._until:
            return  # another version is being received
        if self._is_missing():
            self._request_parts()
        elif self._here is not None:
            self.weights.publish(self._here)

    def on_weights_chunk(self, chunk: WeightsChunk) -> None:
        """Store the next part of a version; drop any other part.

        When the last part arrives, write the version to memory and announce it.
        """
        if not self._until or self._whole:
            return
        incoming = self._incoming
        if incoming is None or (incoming.life, incoming.version, incoming.target, incoming.joined) != (
            chunk.life,
            chunk.version,
            chunk.target,
            chunk.joined,
        ):
            here = self._here
            older = here is not None and (chunk.life, chunk.version) < (here.life, here.version)
            if chunk.part or older:
                return  # of a cancelled version, or late
            incoming = self._incoming = _IncomingVersion(
                chunk.life, chunk.version, chunk.target, chunk.joined, chunk.parts
            )
        if chunk.part != incoming.got:
            return  # a duplicate, or a part before it was lost
        incoming.content += memoryview(chunk.content)
        incoming.got += 1
        least_ns = round(self.params.ask_again_s * 1e9)
        self._patience_ns = max(least_ns, _PATIENCE * (self.now_ns - self._heard_ns))
        self._heard_ns = self.now_ns
        if incoming.got == incoming.parts:
            self._whole = True
            self._finish()
        elif incoming.got >= self._until:
            self._request_parts()

    def result(self) -> dict[str, Any]:
        """Return counts: versions ``received``, requests repeated (``asked_again``) and, if any, versions ``refused``."""
        refused = {"refused": self._refused} if self._refused else {}
        return {"received": self._received, "asked_again": self._again} | refused

    def _is_missing(self) -> bool:
        """Return whether a newer version than this host's, or another version of the target network, has been announced.

        A refused version does not count.
        """
        wanted, here = self._wanted, self._here
        if wanted is None or (wanted.life, wanted.version) == self._useless:
            return False
        if here is None:
            return True
        newer = (wanted.life, wanted.version) > (here.life, here.version)
        return newer or wanted.target_version not in (None, here.target_version)

    def _request_parts(self, count: int | None = None) -> None:
        """Request the next parts of the version that is being received. If no version is being received, request the newest version.

        Args:
            count: number of parts; None for ``window``.
        """
        incoming, here = self._incoming, self._here
        first = 0 if incoming is None else incoming.got
        count = count or self.params.window
        self._until = first + count
        self._heard_ns = self.now_ns
        self.weights_request.publish(
            WeightsRequest(
                receiver=self.name,
                life=None if incoming is None else incoming.life,
                version=None if incoming is None else incoming.version,
                target=None if here is None else here.target_version,
                target_life=None if here is None else here.life,
                first=first,
                count=count,
            )
        )

    def _retry_lost_parts(self) -> None:
        """If no part has arrived for long, request only the next part again: later parts may still be on their way.

        If no version is being received and a newer one is announced, request it.
        """
        if not self._until and self._is_missing():
            self._request_parts()
        elif self._until and not self._whole and self.now_ns - self._heard_ns >= self._patience_ns:
            self._again += 1
            self._patience_ns = max(self._patience_ns, min(2 * self._patience_ns, _LONGEST_NS))
            self._request_parts(1)

    def _finish(self) -> None:
        """Write the received version to a memory slot and announce the version. If no slot is free, try again later."""
        incoming = self._incoming
        if incoming is None:
            return
        size = self._size
        if len(incoming.content) != (2 * size if incoming.joined else size):
            raise NodeError(
                f"the received weights {self.params.of!r} have {len(incoming.content) // (1 + incoming.joined)} bytes, "
                f"and the weights {self.params.weights!r} here have {size}",
                hint="give both weights the same network and plant",
            )
        here, content = self._here, incoming.content
        if not np.isfinite(np.frombuffer(content, np.float32)).all():
            self._refuse(incoming)
            return
        if incoming.joined:
            if incoming.target_slot is None:
                target = incoming.target or 0
                incoming.target_slot = self._versions.publish(target, _writes(content, size), newest=False)
        elif incoming.target is not None and here is not None:
            incoming.target_slot = here.target_slot
        targets = incoming.target_slot, None if here is None else here.target_slot
        kept = [slot for slot in targets if slot is not None]
        placed = incoming.target_slot is not None or not incoming.joined
        slot = self._versions.publish(incoming.version, _writes(content, 0), keep=kept) if placed else None
        if slot is None:
            self.after(_RETRY_NS, self._finish)
            return
        self._received += 1
        self._incoming, self._whole, self._until = None, False, 0
        self._here = WeightsVersion(
            weights=self.params.weights,
            version=incoming.version,
            life=incoming.life,
            slot=slot,
            target_version=None if incoming.target_slot is None else incoming.target,
            target_slot=incoming.target_slot,
        )
        self.weights.publish(self._here)
        if self._is_missing() and (here is None or _identity(here) != _identity(self._here)):
            self._request_parts()  # else the sender has no newer one yet: later

    def _refuse(self, incoming: _IncomingVersion) -> None:
        """Drop a received version that holds NaN or infinity. This host keeps its current version."""
        if not self._refused:
            self.log.warning("version %d is not finite: keeping the current version", incoming.version)
        self._refused += 1
        self._useless = incoming.life, incoming.version
        self._incoming, self._whole, self._until = None, False, 0
        if self._is_missing():
            self._request_parts()


def _identity(version: WeightsVersion) -> tuple[int, int, int | None]:
    return version.life, version.version, version.target_version


def _writes(content: bytearray, first: int) -> Callable[[memoryview], None]:
    def write(memory: memoryview) -> None:
        memory[:] = memoryview(content)[first : first + memory.nbytes]

    return write
