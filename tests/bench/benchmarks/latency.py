"""Latency of a frame between two processes at 60 Hz, from publishing it to the handler's first line."""

from __future__ import annotations

import math

import numpy as np

from tests.bench.pair import FRAMES, RAW, Found, run_graph, run_raw
from tests.bench.rounds import in_turn
from tests.bench.rows import Aim, Row, Say

RATE_HZ = 60.0
ROUND_S = 2.0
WARM_UP = 12
"""Frames at the start of each round that are not counted."""


def run(rounds: int, say: Say) -> list[Row]:
    """Measure both sides for each frame size."""
    count = WARM_UP + round(ROUND_S * RATE_HZ)
    rows: list[Row] = []
    for name, shape in FRAMES.items():
        size = math.prod(shape)

        def ours(number: int, name: str = name, shape: tuple[int, ...] = shape) -> Found:
            say(f"{name}, round {number + 1} of {rounds}: rtgraph")
            return run_graph(
                "PacedPublisher", {"shape": shape, "rate_hz": RATE_HZ, "frames": count}, "Timekeeper"
            )

        def peer(number: int, name: str = name, size: int = size) -> Found:
            say(f"{name}, round {number + 1} of {rounds}: raw")
            return run_raw("paced-publisher", (RATE_HZ, count), "timekeeper", size)

        mine, theirs = in_turn(rounds, ours, peer)
        rows += [
            Row.compared(
                f"{name} p{percent}",
                "µs",
                [_quantile_us(found, percent) for found in mine],
                RAW,
                [_quantile_us(found, percent) for found in theirs],
                note=f"{rounds} x {ROUND_S:.0f} s at {RATE_HZ:.0f} Hz, medians of quantiles",
                aim=Aim("≤ 1.3 x") if percent == 50 else None,
            )
            for percent in (50, 99)
        ]
    return rows


def _quantile_us(found: Found, percent: int) -> float:
    return float(np.percentile(found.subscriber["ages_ns"][WARM_UP:], percent)) / 1e3
