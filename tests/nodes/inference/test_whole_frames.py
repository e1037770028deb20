"""Ages where an inference takes a whole number of frames, against what theory says, at rates with and without a rest.

The theory. An inference takes n·P, a tick is at each multiple of P, and there are N workers. A decision on observation k
that begins when the observation is there, at k·P, is due at (k + n)·P, counts for that tick, and so is n ticks old. One
that begins anywhere between k·P and (k + 1)·P is due after tick k + n, and is n + 1 ticks old at the next.

*One worker.* It begins at 0, n·P, 2n·P …: always at a tick, and an observation is readable at its own instant. Every age
is n, and it acts on one tick in n. With several workers and no staggering all do the same at the same instants.

*Algorithms 1 and 2.* All begin at 0 and report n·P at that time. The first report raises m (or μ) from 0 to n·P, and
worker j sleeps j·n·P/N; the others change nothing, m − τ is 0, and no decision is held. From then on worker j begins at
j·n·P/N + i·n·P. Within a cycle of n ticks the starts that fall on a tick are those with N | j·n: g = gcd(n, N) of N.
Where N ≥ n there is a start in every period: of n ticks, g act on an observation that is n old, the others on one that is
n + 1 old, so the mean is n + 1 − g/n, and no tick is without a decision. Where N < n every decision acts: g of N are n old, the
mean is n + 1 − g/N, and the share of ticks without a decision is 1 − N/n. With N = n or 2n all are n old.

*paced, with playout.* N ≥ n workers claim each observation at its tick, D is n, every age is n and no tick is without a
decision. N < n workers claim n·P/N apart, the first at n·P: where N divides n always at a tick, so that every age is n; else
more than one in a hundred arrive n + 1 old, so D is n + 1 and every age is that. Either way they act on N of n ticks.
"""

import math
from fractions import Fraction

import pytest
from support.staggered import staggered_world, trace_of

from rtgraph.nodes.monitor.trace import POLICY

RATES_HZ = [60.0, 59.7275, 50.0, 30.0, 144.0]
METHODS = ["none", "maximum_time", "expected_time", "paced"]
FRAMES = range(1, 9)


def theory(method, frames, workers):
    """Return the mean age and the share of ticks without a decision, once the start is over."""
    share = Fraction(min(frames, workers), frames)
    if method == "none":
        return frames, 1 - Fraction(1, frames)
    if method == "paced":
        return frames + (workers < frames and frames % workers > 0), 1 - share
    return frames + 1 - Fraction(math.gcd(frames, workers), min(frames, workers)), 1 - share


def measured(method, frames, workers, rate_hz):
    """Return the same of a run, over whole cycles."""
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
