"""Chunks of actions at the gate: which action acts at each tick, and what is counted."""

import json
import logging

import numpy as np
import pytest
from support.fading import PERIOD_NS, Fading
from support.host import HandHost

from rtgraph.msgs import Applied, Continuous, Decision, Discrete, Features, Header, Lineage, MultiDiscrete
from rtgraph.msgs.wire.schemas import schema
from rtgraph.msgs.wire.versions import recorded_version
from rtgraph.nodes.plant.admission import Admission
from rtgraph.nodes.plant.chunks import ChunkGate
from rtgraph.nodes.plant.gate import LatestParams, PlayoutParams, make_gate

TEN = Discrete(count=10)


def decision(tick, actions, number=0, episode=0):
    """Return a decision on the observation of a tick: one action, or a chunk of them."""
    actions = np.asarray(actions)
    first = int(actions[0]) if actions.ndim == 1 else actions[0]
    lineage = Lineage(source="plant", incarnation=0, sequence=tick, stamp_ns=0, tick=tick, episode=episode)
    header = Header(source="w", incarnation=0, sequence=number, stamp_ns=0, lineage=lineage)
    chunk = actions[1:] if len(actions) > 1 else None
    made = Decision(worker="w", number=number, action=first, began_ns=0, inference_ns=0, chunk=chunk)
    return made.stamped(header)


def gate_of(overlap, action=TEN, kind=LatestParams, **params):
    params = kind(overlap=overlap, **params)
    gate = ChunkGate(make_gate(params, PERIOD_NS), params, action, PERIOD_NS)
    gate.begin(0, 0, 0)
    return gate


def played(gate, arrivals, ticks):
    """Return what acts at the ticks 1, 2 and so on: decision, place, number averaged and action, or None for β."""
    found = []
    for tick in range(1, ticks + 1):
        choice = gate.choose(tick, arrivals.get(tick, []))
        chosen = choice.decision
        found.append(
            chosen and (chosen.number, choice.place, choice.averaged, np.asarray(chosen.action).tolist())
        )
    return found


# ---- where chunks overlap --------------------------------------------------------------------------------------------

FIRST, SECOND = decision(0, [1, 2, 3], 0), decision(2, [4, 5], 1)


def test_a_chunk_acts_tick_by_tick_and_then_the_default_behaviour():
    assert played(gate_of("newest"), {2: [FIRST]}, 5) == [
        None,
        (0, 0, 0, 1),
        (0, 1, 0, 2),
        (0, 2, 0, 3),
        None,
    ]


def test_none_lets_a_chunk_end_before_the_next_begins():
    found = played(gate_of("none"), {1: [FIRST], 3: [SECOND]}, 6)
    assert found == [(0, 0, 0, 1), (0, 1, 0, 2), (0, 2, 0, 3), (1, 0, 0, 4), (1, 1, 0, 5), None]


def test_newest_goes_over_to_the_new_chunk_at_once():
    found = played(gate_of("newest"), {1: [FIRST], 3: [SECOND]}, 5)
    assert found == [(0, 0, 0, 1), (0, 1, 0, 2), (1, 0, 0, 4), (1, 1, 0, 5), None]


def test_a_single_action_also_replaces_a_chunk():
    found = played(gate_of("newest"), {1: [FIRST], 2: [decision(1, [9], 1)]}, 3)
    assert found == [(0, 0, 0, 1), (1, 0, 0, 9), None]


def test_playout_delays_the_beginning_of_a_chunk():
    gate = gate_of("none", kind=PlayoutParams)
    arrivals = {4: [decision(0, [1, 2], 0)], 5: [decision(2, [3, 4], 1)], 6: [decision(4, [5, 6], 2)]}
    # D is 4 ticks from the first decision on, and each chunk begins at that age.
    assert [row and row[3] for row in played(gate, arrivals, 10)] == [None] * 3 + [1, 2, 3, 4, 5, 6, None]


def test_of_several_waiting_chunks_the_newest_acts_and_the_others_are_overwritten():
    gate = gate_of("none")
    gate.choose(1, [FIRST])
    assert gate.choose(2, [decision(1, [4, 4], 1)]).overwritten == 0
    assert gate.choose(3, [decision(2, [5, 5], 2)]).overwritten == 1
    assert gate.choose(4, []).decision.number == 2


def test_votes_are_weighted_and_the_newest_chunk_wins_a_tie():
    chunks = {
        1: [decision(0, [0, 1, 7], 0)],
        2: [decision(1, [1, 7, 1], 1)],
        3: [decision(2, [8, 2, 2], 2)],
    }
    assert played(gate_of("average", decay=0.0), chunks, 3) == [(0, 0, 0, 0), (1, 0, 2, 1), (2, 0, 3, 7)]
    # Each alone: with equal weights the newest wins, with falling ones the oldest.
    split = {tick: [decision(tick - 1, [tick] * 3, tick)] for tick in (1, 2)}
    assert played(gate_of("average", decay=0.0), split, 2)[1] == (2, 0, 2, 2)
    assert played(gate_of("average", decay=0.01), split, 2)[1] == (2, 0, 2, 1)
    assert played(gate_of("average", decay=-0.01), split, 2)[1] == (2, 0, 2, 2)


def test_each_of_several_discrete_actions_is_voted_for():
    chunks = {
        tick: [decision(tick - 1, [row] * 3, tick)] for tick, row in ((1, [1, 5]), (2, [1, 6]), (3, [2, 6]))
    }
    found = played(gate_of("average", MultiDiscrete(size=2, count=9), decay=0.0), chunks, 3)
    assert found[2] == (3, 0, 3, [1, 6])


def test_continuous_actions_are_averaged_as_in_act():
    action = Continuous(low=(-9.0,), high=(9.0,))
    values = [np.full((3, 1), value, np.float32) for value in (1, 2, 4)]
    chunks = {tick + 1: [decision(tick, rows, tick)] for tick, rows in enumerate(values)}
    gate = gate_of("average", action, decay=0.5)
    weights = np.exp(-0.5 * np.arange(3))
    expected = [1, (1 + 2 * weights[1]) / weights[:2].sum(), weights @ [1, 2, 4] / weights.sum()]
    found = [row[3][0] for row in played(gate, chunks, 3)]
    assert found == pytest.approx(expected, rel=1e-6)
    assert gate.choose(4, []).decision.action.dtype == np.float32


# ---- what never acts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("overlap", ["none", "newest", "average"])
def test_no_chunk_acts_in_the_next_episode(overlap):
    gate = gate_of(overlap)
    gate.choose(1, [FIRST])
    gate.choose(2, [decision(1, [4, 5], 1)])
    assert gate.begin(3, 1, 0) == (overlap == "none"), "a chunk that never acted is dropped"
    assert gate.choose(4, []).decision is None


def test_a_chunk_ends_when_its_observation_is_too_old():
    gate = gate_of("none", max_age_ms=25)  # 2 ticks
    assert gate.choose(1, [FIRST]).decision is not None
    assert gate.choose(2, [decision(0, [4, 5], 1)]).place == 1
    ended = gate.choose(3, [])
    # The one that acted, and the one that waited.
    assert (ended.decision, ended.late, ended.too_old) == (None, 2, 2)


@pytest.mark.parametrize(
    ("chunk", "said"),
    [
        ([3, 10], "action 10: expected a whole number from 0 to 9"),
        ([3.0], "action 3.0: expected a whole number from 0 to 9"),
        ([[1], [2]], "chunk of shape (2, 1)"),
        (3, "chunk of shape ()"),
    ],
)
def test_a_decision_with_an_action_that_does_not_fit_is_refused_as_a_whole(chunk, said):
    admission = Admission(TEN, "refuse", logging.getLogger("test"))
    wrong = Decision(worker="w", number=0, action=1, began_ns=0, inference_ns=0, chunk=np.array(chunk))
    assert not admission.takes(wrong)
    assert said in admission.failure()
    assert admission.takes(FIRST)


# ---- what is published -----------------------------------------------------------------------------------------------


def test_the_plant_says_which_place_of_which_decision_acted():
    host = HandHost(Fading, {}, name="plant")
    host.begin()
    host.run_until(0)
    first = host.messages("observation")[0]
    sent = Decision(worker="w", number=5, action=1, began_ns=0, inference_ns=0, chunk=np.array([2, 3]))
    host.deliver("decision", sent, source="w", of=first)
    host.run_until(4 * PERIOD_NS)
    acted = [(a.by, a.action, a.decision, a.place, a.age_ticks) for a in host.messages("applied")[1:]]
    assert acted == [
        ("policy", 1, 5, 0, 1),
        ("policy", 2, 5, 1, 2),
        ("policy", 3, 5, 2, 3),
        ("default", 7, None, 0, None),
    ]
    assert host.node._environment.actions == [1, 2, 3, 7]


@pytest.mark.parametrize(
    ("kind", "added"),
    [(Decision, {"chunk"}), (Applied, {"place", "averaged"}), (Decision, {"seen"}), (Features, {"seen"})],
)
def test_recordings_from_before_chunks_and_skip_connections_are_read(kind, added):
    older = json.loads(json.dumps(schema(kind)))
    for name in added:
        del older["properties"][name]
    assert recorded_version(kind, json.dumps(older).encode(), "00" * 8).added == {kind.__name__: added}
