"""Cost of copying the sender's array into a message, compared with the bare copy, up to the encoded bytes."""

from __future__ import annotations

import numpy as np

from rtgraph.msgs import Encoder, Observation
from rtgraph.msgs.isolation import isolated
from tests.bench.rounds import in_turn, microseconds_per_call
from tests.bench.rows import Row, Say

SIZES = (7_056, 100_000, 1_000_000)
CALLS_S = 0.08
PEER = "np.copy"


def run(rounds: int, say: Say) -> list[Row]:
    """Measure creating a message from a reused array, publishing it, and encoding it."""
    rows = []
    encoder = Encoder(Observation)
    for size in SIZES:
        say(f"{size:,} B")
        buffer = np.zeros(size, np.uint8)

        def make(buffer: np.ndarray = buffer) -> Observation:
            return isolated(Observation(tick=1, episode=0, value=buffer))

        def send(buffer: np.ndarray = buffer) -> object:
            return encoder.encode(make(buffer))

        for what, mine in (("make", make), ("make and encode", send)):
            ours, peer = in_turn(
                rounds,
                lambda _, call=mine: microseconds_per_call(call, CALLS_S),
                lambda _, call=buffer.copy: microseconds_per_call(call, CALLS_S),
            )
            rows.append(Row.compared(f"{what}, {size:,} B", "µs", ours, PEER, peer))
    return rows
