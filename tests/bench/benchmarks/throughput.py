"""Frames per second without loss: the publisher waits for the subscriber's credit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tests.bench.pair import FRAMES, RAW, Found, run_graph, run_raw
from tests.bench.pair_nodes import CREDIT, WINDOW
from tests.bench.rounds import in_turn
from tests.bench.rows import Aim, Row, Say

ROUND_S = 1.5


def run(rounds: int, say: Say) -> list[Row]:
    """Measure both sides for each frame size."""
    rows: list[Row] = []
    for name, shape in FRAMES.items():
        size = math.prod(shape)

        def ours(number: int, name: str = name, shape: tuple[int, ...] = shape) -> Found:
            say(f"{name}, round {number + 1} of {rounds}: rtgraph")
            return run_graph("FastPublisher", {"shape": shape, "duration_s": ROUND_S}, "Counter", credit=True)

        def peer(number: int, name: str = name, size: int = size) -> Found:
            say(f"{name}, round {number + 1} of {rounds}: raw")
            return run_raw("fast-publisher", (ROUND_S,), "counter", size)

        mine, theirs = in_turn(rounds, ours, peer)
        lost = [sum(found.subscriber["lost"] for found in side) for side in (mine, theirs)]
        rows += [
            Row.compared(
                name,
                "frames/s",
                [found.subscriber["rate_hz"] for found in mine],
                RAW,
                [found.subscriber["rate_hz"] for found in theirs],
                more_is_better=True,
                note=f"window {WINDOW}, credit {CREDIT}, lost {lost[0]} and {lost[1]}",
                aim=Aim("≥ 0.7 x"),
            ),
            _cpu(
                f"{name}: publisher",
                [f.publisher for f in mine],
                [f.publisher for f in theirs],
            ),
            _cpu(
                f"{name}: subscriber",
                [f.subscriber for f in mine],
                [f.subscriber for f in theirs],
            ),
        ]
    return rows


def _cpu(case: str, ours: Sequence[dict[str, Any]], peer: Sequence[dict[str, Any]]) -> Row:
    """Return the CPU time per frame of one end, all threads together: the figure that other load disturbs least."""
    return Row.compared(
        case, "CPU µs/frame", [said["cpu_us"] for said in ours], RAW, [said["cpu_us"] for said in peer]
    )
