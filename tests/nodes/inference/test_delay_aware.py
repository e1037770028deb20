"""Delay-aware workers: which pending actions they know, in virtual time."""

import math

import numpy as np
import pytest
from support.delay_aware import delay_aware_world, published
from support.staggered import trace_of
from support.weights import shared_weights

from rtgraph.msgs import Applied, Decision, Lineage
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.pending import DelayAware, known_in, with_pending
from rtgraph.nodes.emulator.catch_environment import CatchSettings
from rtgraph.nodes.inference import DelayAwareWorker, Worker
from rtgraph.nodes.inference.delay_aware import DelayAwareWorkerParams
from rtgraph.nodes.inference.known_actions import KnownActions
from rtgraph.nodes.inference.worker import WorkerParams
from rtgraph.nodes.runtime import Placement

DELAYS = (1, 2, 4, 8)
PLANT = CatchSettings().spec()


def known(world, delay):
    """Return how many pending actions each decision knew, without those on an episode's first observations."""
    world.run()
    rows = trace_of(world)._known.columns()
    counts = rows["known"][rows["observed_tick"] >= delay]
    assert counts.size > 50
    assert trace_of(world).figures()["pending"]["share"] == pytest.approx(counts.mean() / delay)
    return set(counts.tolist())


@pytest.mark.parametrize("delay", DELAYS)
def test_workers_that_read_them_at_the_start_know_one_of_d(delay):
    assert known(delay_aware_world(delay, "start"), delay) == {1}


@pytest.mark.parametrize("head_frames", [0.4, 1.5, 2.5])
@pytest.mark.parametrize("delay", DELAYS)
def test_a_late_head_knows_all_but_those_decided_within_its_own_time(delay, head_frames):
    # A worker decides at each tick: this is how many other workers decide while the head runs.
    unknown = math.ceil(min(head_frames, delay)) - 1
    world = delay_aware_world(delay, "late", head_frames)
    assert known(world, delay) == {delay - unknown}


@pytest.mark.parametrize("read", ["start", "late"])
def test_what_it_knows_is_what_the_gate_then_applies(read):
    delay = 4
    world = delay_aware_world(delay, read)
    world.run()
    applied = {message.tick: message for message in published(world, Applied, "applied")}
    decided = {(m.worker, m.number): m for m in published(world, Decision, "decision")}
    compared = 0
    for tick, message in applied.items():
        if message.by != "policy":
            assert message.pending is None
            continue
        assert np.array_equal(message.pending, decided[message.worker, message.decision].pending)
        for slot, code in enumerate(message.pending.tolist()):
            if code:
                acted = applied[tick - delay + slot]
                assert (acted.by, acted.action) == ("policy", code - 1)
                compared += 1
    assert compared > 60 * (1 if read == "start" else delay) - 20


def test_an_inference_takes_as_long_with_a_late_head_as_without():
    for read in ("start", "late"):
        world = delay_aware_world(4, read)
        world.run()
        figures = trace_of(world).figures()
        assert figures["age_ticks"]["mean"] == 4
        took_ms = [one["p50"] for one in figures["inference_ms"].values()]
        assert took_ms == pytest.approx([4e3 / 60] * 4)


def test_no_action_of_an_episode_is_known_in_the_next():
    actions = KnownActions(PLANT, 3)

    def seen(tick, episode, incarnation=0):
        return Lineage(
            source="plant", incarnation=incarnation, sequence=tick, stamp_ns=0, tick=tick, episode=episode
        )

    actions.add(seen(5, 0), 2)
    actions.add(seen(6, 0), 0)
    assert actions.before(seen(7, 0)).tolist() == [0, 3, 1]
    assert actions.before(seen(7, 1)).tolist() == [0, 0, 0]
    actions.add(seen(8, 1), 1)
    actions.add(seen(7, 0), 1)  # it comes late, from the episode before
    assert actions.before(seen(9, 1)).tolist() == [0, 0, 2]
    actions.add(seen(1, 0, incarnation=1), 2)
    assert actions.before(seen(3, 0, incarnation=1)).tolist() == [0, 3, 0]


def test_a_network_that_reads_other_pending_actions_than_its_workers_see_is_refused():
    spec = with_pending(PLANT, 4)
    shared = {
        "plant": PLANT,
        "policy": {"kind": "epsilon_greedy"},
        "latency": {"kind": "constant", "frames": 3},
    }
    weights = {"policy": shared_weights("policy", {"kind": "mlp"}, spec)}
    placement = Placement(name="worker/0", weights=weights, realtime=False)
    with pytest.raises(NodeError, match="reads 4 pending actions, but this agent sees no pending actions"):
        Worker.check_placement(WorkerParams(**shared), placement)
    aware = DelayAwareWorkerParams(**shared, delay_aware={"kind": "pending", "latency_frames": 3})
    with pytest.raises(NodeError, match="reads 4 pending actions, but this agent sees 3 pending actions"):
        DelayAwareWorker.check_placement(aware, placement)
    fitting = DelayAwareWorkerParams(**shared, delay_aware={"kind": "pending", "slots": 4})
    DelayAwareWorker.check_placement(fitting, placement)
    with pytest.raises(NodeError, match="its parameter delay_aware selects none"):
        DelayAwareWorker.check(DelayAwareWorkerParams(**shared, delay_aware=DelayAware()))


def test_known_actions_are_counted_in_any_code():
    assert known_in(np.array([0, 1, 3], np.int16)) == 2
    assert known_in(np.array([[0, 0], [0, 2]], np.int16)) == 1
    assert known_in(np.array([[0.5, 1], [0, 0], [0, 1]], np.float32)) == 2
