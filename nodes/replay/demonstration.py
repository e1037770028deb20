"""A replay memory with transitions of recordings only, so that an agent can learn before an environment runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rtgraph.msgs import Observation
from rtgraph.msgs.bag import Bag
from rtgraph.nodes.replay.from_bag import fill
from rtgraph.nodes.replay.params import ReplayParams
from rtgraph.nodes.replay.storage.buffer import ReplayBuffer
from rtgraph.nodes.replay.storage.sizes import Sizes


def demonstrations(params: ReplayParams, rng: np.random.Generator) -> ReplayBuffer:
    """Return a replay memory with the transitions of the recordings in ``params.fill``.

    The memory is just large enough for these transitions, but at most as large as ``params`` allow. If they do not
    all fit, some are dropped.

    Args:
        params: the parameters of the replay node.
        rng: the random generator with which ``order=reservoir`` (a uniform sample of all transitions) selects the transitions to
            keep.

    Raises:
        ReplayError: a recording contains no plant (environment or robot), or frames of another shape or dtype.
        BagError: a recording cannot be read.
    """
    bags = [Bag.open(Path(path)) for path in params.fill]
    observations = sum(
        count
        for bag in bags
        for channel, count in bag.counts.items()
        if channel.schema_name == Observation.schema_name
    )
    buffer = ReplayBuffer(
        _size_bytes(params, observations),
        params.seen,
        order=params.order,
        sampling=params.sampling,
        priority_exponent=params.priority_exponent,
        spare_frames=0,
    )
    for bag in bags:
        fill(
            buffer,
            bag,
            gamma=params.gamma,
            rng=rng,
            learn_default=params.learn_default,
            n_step=params.n_step,
            clip_rewards=params.clip_rewards,
            age_ticks=params.filled_age_ticks,
            view=params.view,
        )
    buffer.mark_demonstrated()
    return buffer


def _size_bytes(params: ReplayParams, transitions: int) -> int:
    """Return the size in bytes of a memory that has room for a number of transitions, with two frames each.

    The size is at most ``capacity_bytes`` of ``params``, even if fewer transitions fit.
    """
    size = 2**16
    while size < params.capacity_bytes and _rows(size, params) < 2 * transitions + 2:
        size += size // 8
    return min(size, params.capacity_bytes)


def _rows(size_bytes: int, params: ReplayParams) -> int:
    frame = sum(part.size_bytes for part in params.seen.parts.values())
    if size_bytes < 64 * (frame + 256):
        return 0
    return Sizes.of(size_bytes, params.seen, params.order, params.sampling, spare=0).rows
