"""The best policies under a delay, through the whole graph: delay-aware workers know what the theory says they know."""

from __future__ import annotations

import numpy as np
import pytest
from support.delay_aware import delay_aware_world
from support.staggered import trace_of

from rtgraph.nodes.emulator.tracking.environment import TrackingSettings
from rtgraph.nodes.emulator.tracking.policies import ActAhead
from rtgraph.nodes.emulator.tracking.theory import aware_rate, informed_rate, memoryless_rate

POLICY = "rtgraph.nodes.emulator.tracking.policies:ActAhead"
INFORMED = (1, 0, 0, 2, 2)
"""The policy of `aware_rate` with all pending actions known."""
LANES = 4_000
TICKS = 160
SETTLED = 60


def measured(delay: int, read: str, policy: tuple[int, ...], head_frames: float = 0.4) -> float:
    """The mean reward of delay-aware workers in many lanes, once it has settled."""
    settings = {"lanes": LANES, "positions": 5, "steady": 0.9}
    plant = (
        "rtgraph.nodes.emulator:Tracking",
        settings,
        TrackingSettings(**settings).spec().model_dump(mode="json"),
    )
    acting = {"kind": "scripted", "policy": POLICY, "params": {"policy": list(policy)}}
    world = delay_aware_world(delay, read, head_frames, TICKS, plant=plant, policy=acting)
    world.run()
    ticks = trace_of(world).ticks()
    return float(ticks["reward"][ticks["tick"] >= SETTLED].mean())


@pytest.mark.parametrize("delay", [1, 2, 4, 8])
def test_a_late_head_earns_the_best_rate_with_all_pending_actions_known(delay: int) -> None:
    assert measured(delay, "late", INFORMED) == pytest.approx(informed_rate(5, 0.9, delay), rel=0.01)


@pytest.mark.parametrize("delay", [2, 4])
def test_pending_actions_that_are_read_at_the_start_earn_only_the_memoryless_rate(delay: int) -> None:
    rate, policy = memoryless_rate(5, 0.9, delay)
    assert measured(delay, "start", policy) == pytest.approx(rate, rel=0.02)
    assert measured(delay, "start", INFORMED) < rate + 0.01


@pytest.mark.parametrize("head_frames", [1.5, 2.5])
def test_what_a_longer_late_head_does_not_know_costs_what_the_theory_says(head_frames: float) -> None:
    rate, policy = aware_rate(5, 0.9, 4, known=3 - int(head_frames))
    assert measured(4, "late", policy, head_frames) == pytest.approx(rate, rel=0.02)


def test_it_acts_on_the_position_to_which_the_known_actions_lead() -> None:
    policy = ActAhead(INFORMED)
    assert policy.act(np.array([2])) == 0
    # The first slot is shown already; zeros are unknown; codes are actions + 1.
    seen = {"observation": np.array([2]), "pending": np.array([3, 0, 1, 1], np.int16)}
    assert policy.act(seen) == 1
    lanes = {"observation": np.array([2, 4]), "pending": np.array([[3, 3], [1, 1]], np.int16)}
    assert policy.act(lanes).tolist() == [0, 2]
