"""Publishing weights: time from an update until a reader acts with it, compared with a bare copy of the same bytes."""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Iterator

import numpy as np
import torch

from rtgraph.msgs import ArraySpec, Discrete, PlantSpec
from rtgraph.nodes.networks import ImpalaSpec
from rtgraph.nodes.networks.build import build
from rtgraph.nodes.networks.network import Network
from rtgraph.nodes.networks.parameters import layout, size_bytes, write
from rtgraph.nodes.weights.first_version import fill
from rtgraph.nodes.weights.memory_file import create
from rtgraph.nodes.weights.plan import WeightsPlan
from rtgraph.nodes.weights.shared_network import VersionedModule
from rtgraph.nodes.weights.shared_versions import SharedVersions, slot_count
from rtgraph.nodes.weights.weights import Weights
from tests.bench.rounds import in_turn, microseconds_per_call, seconds
from tests.bench.rows import Aim, Row, Say

WIDTHS = (0.25, 29.0)
"""Widths of the network: 0.1 M and 100 M parameters."""
PUBLISHED = {0.25: 200, 29.0: 4}
"""Number of versions published in a round, by width."""
PLANT = PlantSpec(rate_hz=60, observation=ArraySpec(dtype="uint8", shape=(84, 84)), action=Discrete(count=6))


def run(rounds: int, say: Say) -> list[Row]:
    """Measure the time until a reader acts with a version, by width of the network, and the cost of switching to it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [row for width in WIDTHS for row in _rows(width, rounds, say)]
    finally:
        torch.set_num_threads(threads)


def _rows(width: float, rounds: int, say: Say) -> list[Row]:
    say(f"k = {width:g}: making weights")
    with _shared(width) as (weights, publisher):
        source = build(ImpalaSpec(k=width), PLANT, seed=1)
        of = f"{sum(parameter.numel() for parameter in source.parameters()) / 1e6:.3g} M parameters"
        say(f"k = {width:g}: publishing")
        return [
            _publishing(weights, publisher, source, of, rounds, PUBLISHED[width]),
            _going_over(weights, publisher, source, of, rounds),
        ]


def _publishing(
    weights: Weights, publisher: SharedVersions, source: Network, of: str, rounds: int, count: int
) -> Row:
    """Measure the time from an update until a reader's network has it."""
    reader = VersionedModule(weights)
    first, slots = _first(source), layout(source)

    def publish() -> None:
        version = publisher.newest()[0] + 1
        slot = publisher.publish(version, lambda memory: write(source, memory, slots))
        if slot is None or not reader.use(version, slot) or _first(reader.module) != first:
            raise RuntimeError("the version was not seen")

    size = size_bytes(slots)
    copies = np.ones((2, size), np.uint8)
    for _ in range(slot_count("snapshot", size)):  # afterwards all slots are mapped
        publish()
    ours, peer = in_turn(
        rounds,
        lambda _: seconds(lambda: [publish() for _ in range(count)]) / count * 1e3,
        lambda _: seconds(lambda: [np.copyto(*copies) for _ in range(count)]) / count * 1e3,
    )
    reader.release()
    return Row.compared(
        f"update to visible, {of}",
        "ms",
        ours,
        "bare copy",
        peer,
        note=f"{size:,} bytes, copied once; readers copy none",
        aim=Aim("1.5 or less") if size > 1 << 24 else None,
    )


def _going_over(weights: Weights, publisher: SharedVersions, source: Network, of: str, rounds: int) -> Row:
    """Measure a reader that switches between two versions, compared with one that copies them."""
    reader, twin = VersionedModule(weights), copy.deepcopy(source)
    known = [publisher.newest()]
    version = known[0][0] + 1
    slot = publisher.publish(version, lambda memory: write(source, memory))
    if slot is None:
        raise RuntimeError("there was no slot")
    known.append((version, slot))

    def go_over() -> None:
        known.reverse()
        if not reader.use(*known[0]):
            raise RuntimeError("the version has gone")
        _ = reader.module

    ours, peer = in_turn(
        rounds,
        lambda _: microseconds_per_call(go_over, 0.1),
        lambda _: microseconds_per_call(lambda: twin.load_state_dict(source.state_dict()), 0.1),
    )
    reader.release()
    return Row.compared(
        f"a reader goes over, {of}", "µs", ours, "load_state_dict", peer, aim=Aim("300 µs or less", "ours")
    )


@contextlib.contextmanager
def _shared(width: float) -> Iterator[tuple[Weights, SharedVersions]]:
    """Create weights in shared memory, opened for a reader and, as in another process, for the publisher."""
    descriptor = create("policy")
    weights = Weights(
        "policy",
        WeightsPlan(
            network=ImpalaSpec(k=width).model_dump(mode="json"),
            plant="plant",
            spec=PLANT,
            seed=0,
            sharing="snapshot",
        ),
    )
    try:
        fill(weights.name, weights.plan, descriptor)
        with contextlib.ExitStack() as opened:
            weights.where = mine = SharedVersions(descriptor, "snapshot")
            opened.callback(mine.close)
            publisher = opened.enter_context(contextlib.closing(SharedVersions(descriptor, "snapshot")))
            yield weights, publisher
    finally:
        os.close(descriptor)


def _first(module: Network) -> float:
    return next(iter(module.parameters())).flatten()[0].item()
