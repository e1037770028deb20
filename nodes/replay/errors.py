"""What can go wrong with a replay memory."""

from __future__ import annotations

from collections.abc import Sequence

from rtgraph.msgs.errors import RtgraphError


class ReplayError(RtgraphError):
    """A replay memory was set up or used wrongly, or what is on disk is none."""


class FrameOverwritten(ReplayError):
    """Frames that were asked for are no longer there. ``lost`` says at which places of the request."""

    def __init__(self, lost: Sequence[int]) -> None:
        super().__init__(
            f"{len(lost)} of the frames asked for have been overwritten",
            hint="sample anew; if it happens often, raise spare_frames or read sooner",
        )
        self.lost = tuple(lost)
