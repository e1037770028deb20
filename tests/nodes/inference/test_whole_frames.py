"""Ages if an inference takes a whole number of frames, compared with theory, at rates with and without a remainder.

The theory. An inference takes n·P, a tick is at each multiple of P, and there are N workers. A decision on observation k
that begins as soon as the observation is readable, at k·P, is due at (k + n)·P, counts for that tick, and so is n ticks
old. One that begins strictly between k·P and (k + 1)·P is due after tick k + n, and is n + 1 ticks old at the next tick.

*One worker.* It begins at 0, n·P, 2n·P …: always at a tick, and an observation is readable at its own instant. Every age
is n, and it acts on one tick in n. Several workers without staggering all do the same at the same instants.

*Algorithms 1 and 2.* All workers begin at 0 and report n·P at that time. The first report raises m (or μ) from 0 to n·P,
and worker j sleeps j·n·P/N. Later reports change nothing: m − τ is 0, and no decision is held. From then on worker j begins
at j·n·P/N + i·n·P. Within a cycle of n ticks, the starts with N | j·n fall on a tick: g = gcd(n, N) of N starts.
If N ≥ n there is a start in every period: of n ticks, g act on an observation that is n ticks old and the others on one
that is n + 1 ticks old, so the mean is n + 1 − g/n, and every tick has a decision. If N < n every decision acts: g of N are
n ticks old, the mean is n + 1 − g/N, and the share of ticks without a decision is 1 − N/n. If N = n or 2n all are n old.

*paced, with playout.* N ≥ n workers claim each observation at its tick, D is n, every age is n, and every tick has a
decision. N < n workers claim n·P/N apart, the first at n·P. If N divides n they always claim at a tick, so every age is n;
otherwise more than one in a hundred arrives n + 1 old, so D and every age are n + 1. Either way they act on N of n ticks.
"""

import math
from fractions import Fraction

import pytest
from support.staggered import staggered_world, trace_of

from rtgraph.nodes.monitor.columns import POLICY

RATES_HZ = [60.0, 59.7275, 50.0, 30.0, 144.0]
METHODS = ["none", "maximum_time", "expected_time", "paced"]
FRAMES = range(1, 9)


def theory(method, frames, workers):
    """Return the mean age and the share of ticks without a decision, after the start."""
    share = Fraction(min(frames, workers), frames)
    if method == "none":
        return frames, 1 - Fraction(1, frames)
    if method == "paced":
        return frames + (workers < frames and frames % workers > 0), 1 - share
    return frames + 1 - Fraction(math.gcd(frames, workers), min(frames, workers)), 1 - share


def measured(method, frames, workers, rate_hz):
    """Return the same figures of a run, over whole cycles."""
    latency = {"kind": "constant", "frames": frames}
    settled, judged = 60 + frames, 4 * frames
    world = staggered_world(method, [latency] * workers, settled + judged, rate_hz=rate_hz)
    world.run()
    ticks = trace_of(world).ticks()
    policy = ticks["by"][settled:] == POLICY
    ages = ticks["age_ticks"][settled:][policy]
    return Fraction(int(ages.sum()), len(ages)), 1 - Fraction(int(policy.sum()), len(policy))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_one_worker_and_one_for_each_frame(method, rate_hz):
    for frames in FRAMES:
        for workers in {1, frames}:
            assert measured(method, frames, workers, rate_hz) == theory(method, frames, workers), (
                frames,
                workers,
            )


@pytest.mark.parametrize("method", METHODS)
def test_more_and_fewer_workers_than_frames(method):
    for frames in FRAMES:
        for workers in {2, 3, frames + 1, 2 * frames}:
            assert measured(method, frames, workers, 144.0) == theory(method, frames, workers), (
                frames,
                workers,
            )
