"""The learner's side of a replay memory: asking for batches, and reading the frames where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rtgraph.msgs import BatchRequest, SampledBatch
from rtgraph.msgs.errors import FrameOverwritten, RegionError, ReplayError
from rtgraph.nodes.replay.batch import Batch, Draw
from rtgraph.nodes.replay.storage.frames import Frames

Store = tuple[str, str, int]
"""Where frames are, whose they are, and in which life of it."""


class BatchReader:
    """Makes a learner's requests, and batches of the answers.

    Frames on this host are copied once, out of the replay memory's own. One request is open at a time. A batch that
    cannot be read any more is no reason to fail: ask for another.

    Args:
        learner: the name of the learner's node, to which answers are addressed.
        incarnation: which life of it this is.
        directory: the session folder, which stores are told relative to; None where there is none.
    """

    def __init__(self, learner: str, incarnation: int, directory: Path | None) -> None:
        self.unread = 0
        """Batches that could not be read any more."""
        self._learner = learner
        self._incarnation = incarnation
        self._directory = directory
        self._asked = 0
        self._open: BatchRequest | None = None
        self._frames: Frames | None = None
        self._attached: Store | None = None
        self._refused: tuple[str, int] | None = None
        """The replay memory, and its life, whose store cannot be mapped here."""

    def ask(self, size: int, *, correction: float = 1.0) -> BatchRequest:
        """Return a request, which takes the place of one that is open.

        Args:
            size: how many transitions.
            correction: β of prioritised sampling.
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
        """Return the open request, to be made once more when nothing has come for long; None if none is open.

        However often it is made, it counts once.
        """
        if self._open is not None:
            # Whose frames these are may be dead: its memory must not be kept from the one that is to follow it.
            self._detach()
            self._open = self._open.model_copy(update={"in_place": self._refused is None})
        return self._open

    def answers(self, message: SampledBatch) -> bool:
        """Say whether this answers the open request, and not an older one or one of an earlier life."""
        return (
            self._open is not None
            and message.incarnation == self._incarnation
            and message.number == self._open.number
        )

    def batch(self, message: SampledBatch) -> Batch | None:
        """Return the batch of an answer; None if its frames are gone, or are not to be had here: ask again.

        It closes the request that it answers.
        """
        if self.answers(message):
            self._open = None
        header = message.header
        if self._refused is not None and self._refused != (header.source, header.incarnation):
            self._refused = None  # it was begun anew: perhaps where it can be reached
        if message.store is None:
            return _whole(message)
        try:
            return _drawn(message).batch(self._frames_of((message.store, header.source, header.incarnation)))
        except FrameOverwritten:
            pass
        except (RegionError, ReplayError):
            self._refused = (header.source, header.incarnation)
            self._detach()
        self.unread += 1
        return None

    def close(self) -> None:
        """Let go of the frames. Closing twice is allowed."""
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
    )


def _drawn(message: SampledBatch) -> Draw:
    handles = message.observations, message.next_observations
    if any(each.dtype != np.int64 or each.shape != message.indices.shape for each in handles):
        raise ReplayError("the frames of a batch are told by one handle each")
    return Draw(
        observations=handles[0],
        actions=message.actions,
        returns=message.returns,
        next_observations=handles[1],
        discounts=message.discounts,
        weights=message.weights,
        indices=message.indices,
    )
