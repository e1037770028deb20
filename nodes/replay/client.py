"""The learner's side of a replay memory: requests batches, and reads their frames (observations) from shared memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rtgraph.msgs import BatchRequest, SampledBatch
from rtgraph.msgs.errors import FrameOverwritten, RegionError, ReplayError
from rtgraph.nodes.replay.storage.batch import Batch, Draw
from rtgraph.nodes.replay.storage.frames import Frames

Store = tuple[str, str, int]
"""The frames of a replay node: the name of the shared memory, the node's name, and how often the node was restarted."""


class BatchReader:
    """Makes a learner's requests for batches, and makes batches from the answers of the replay node.

    The frames (observations) of a replay node on the same host are copied from shared memory. One request is open at a time. Frames
    that can no longer be read are not an error: the learner requests another batch.

    Args:
        learner: the name of the learner's node; answers are addressed to this name.
        incarnation: how often the learner was restarted.
        directory: the session folder; a path to shared frames is relative to it. None without a session folder.
    """

    def __init__(self, learner: str, incarnation: int, directory: Path | None) -> None:
        self.unread = 0
        """Number of batches with frames that could not be read."""
        self._learner = learner
        self._incarnation = incarnation
        self._directory = directory
        self._asked = 0
        self._open: BatchRequest | None = None
        self._frames: Frames | None = None
        self._attached: Store | None = None
        self._refused: tuple[str, int] | None = None
        """A replay node with frames that this process cannot map: the node's name and number of restarts. None without such a node."""

    def ask(self, size: int, *, correction: float = 1.0) -> BatchRequest:
        """Return a new request for a batch. The new request replaces the open request.

        Args:
            size: number of transitions.
            correction: β, the exponent of the importance weights in prioritised sampling.
        """
        self._open = BatchRequest(
            learner=self._learner,
            incarnation=self._incarnation,
            number=self._asked,
            size=size,
            correction=correction,
            in_place=self._refused is None,
            unread=self.unread,
        )
        self._asked += 1
        return self._open

    def again(self) -> BatchRequest | None:
        """Return the open request, to send it again when no answer comes; None if no request is open.

        The replay node counts a request once, even if the request is sent several times. If a request is open, the shared memory of
        the frames is released, because the replay node that owns it may have ended.
        """
        if self._open is not None:
            # The owner of these frames may have ended: release its memory for its successor.
            self._detach()
            self._open = self._open.model_copy(update={"in_place": self._refused is None})
        return self._open

    def answers(self, message: SampledBatch) -> bool:
        """Return whether a message answers the open request of this learner.

        An answer to a request that the learner sent before its restart does not count.
        """
        return (
            self._open is not None
            and message.incarnation == self._incarnation
            and message.number == self._open.number
        )

    def batch(self, message: SampledBatch) -> Batch | None:
        """Return the batch of an answer, and close the answered request.

        None if newer frames have overwritten frames of the batch, if this process cannot map the frames, or if the answer does not
        name one frame per transition. In these cases, request another batch.
        """
        if self.answers(message):
            self._open = None
        header = message.header
        if self._refused is not None and self._refused != (header.source, header.incarnation):
            self._refused = None  # it restarted: perhaps its store can be mapped now
        if message.store is None:
            return _whole(message)
        try:
            return _drawn(message).batch(self._frames_of((message.store, header.source, header.incarnation)))
        except FrameOverwritten:
            self.unread += 1
            return None
        except (RegionError, ReplayError):
            self._refused = (header.source, header.incarnation)
            self._detach()
        self.unread += 1
        return None

    def close(self) -> None:
        """Release the frames. Closing twice is allowed."""
        self._detach()

    def _frames_of(self, store: Store) -> Frames:
        if self._frames is None or self._attached != store:
            self._detach()
            path = Path(store[0]) if self._directory is None else self._directory / store[0]
            self._frames = Frames.attach(path)
            self._attached = store
        return self._frames

    def _detach(self) -> None:
        if self._frames is not None:
            self._frames.close()
        self._frames = self._attached = None


def _whole(message: SampledBatch) -> Batch:
    return Batch(
        observations=message.observations,
        actions=message.actions,
        returns=message.returns,
        next_observations=message.next_observations,
        discounts=message.discounts,
        weights=message.weights,
        indices=message.indices,
        demonstrated=message.demonstrated,
    )


def _drawn(message: SampledBatch) -> Draw:
    handles = message.observations, message.next_observations
    if any(
        isinstance(each, dict) or each.dtype != np.int64 or each.shape != message.indices.shape
        for each in handles
    ):
        raise ReplayError(
            "the batch cannot be read: its observations or next observations are not one int64 frame handle per transition"
        )
    return Draw(
        observations=handles[0],
        actions=message.actions,
        returns=message.returns,
        next_observations=handles[1],
        discounts=message.discounts,
        weights=message.weights,
        indices=message.indices,
        demonstrated=message.demonstrated,
    )
