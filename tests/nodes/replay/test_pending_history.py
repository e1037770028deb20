"""Transitions of delay-aware agents: frames joined with the pending actions that decisions knew."""

import itertools

import numpy as np
import pytest

from rtgraph.msgs import Applied, Continuous, Discrete, Header, Lineage, Observation
from rtgraph.msgs.pending import PENDING, PendingCode
from rtgraph.nodes.replay.transitions import Assembler, PendingView

ACTION = Discrete(count=5)
CODE = PendingCode(ACTION, 2)


def header(tick, lineage=None):
    return Header(source="plant", incarnation=0, sequence=tick, stamp_ns=tick, lineage=lineage)


def made_of(rows, *, terminated, carried=True, read="late", **options):
    """Return the transitions of an episode with actions of age 2; ``rows`` are the actions from tick 2 on."""
    view = PendingView(ACTION, 2, read)
    assembler = Assembler(0.5, pending=view, **options)
    made, actions = [], [None, None, *rows]
    for tick, action in enumerate(actions):
        last = tick == len(actions) - 1
        ends = {"terminated": last and terminated, "truncated": last and not terminated}
        value = np.array([tick], np.float32)
        observed = Observation(tick=tick, episode=0, first=tick == 0, value=value, reward=1.0, **ends)
        made += assembler.observed(observed.stamped(header(tick)))
        acts = {"action": 0, "by": "default" if tick else "reset"}
        if action is not None:
            known = {lag: actions[tick - lag] for lag in (1, 2) if tick - lag >= 2}
            acts = {"action": action, "by": "policy", "pending": CODE.of(known) if carried else None}
        lineage = Lineage(
            source="plant", incarnation=0, sequence=tick - 2, stamp_ns=0, tick=tick - 2, episode=0
        )
        applied = Applied(tick=tick, episode=0, due_ns=0, lateness_ns=0, **acts)
        made += assembler.applied(applied.stamped(header(tick, lineage if action is not None else None)))
    return made


def pending_in(made):
    return [(t.observation.value[PENDING].tolist(), t.next_observation.value[PENDING].tolist()) for t in made]


def test_frames_are_joined_with_what_the_decision_knew():
    made = made_of([4, 3, 2, 1], terminated=True)
    assert [t.observation.value["observation"].tolist() for t in made] == [[0], [1], [2], [3]]
    assert [t.action for t in made] == [4, 3, 2, 1]
    assert pending_in(made) == [([0, 0], [0, 5]), ([0, 5], [5, 4]), ([5, 4], [4, 3]), ([4, 3], [0, 0])]


def test_a_frame_is_stored_once_for_the_two_transitions_that_share_it():
    made = made_of([4, 3, 2], terminated=True)
    assert all(one.next_observation is other.observation for one, other in itertools.pairwise(made))


@pytest.mark.parametrize("carried", [True, False])
def test_a_truncated_episode_is_bootstrapped_with_the_actions_before_the_next_decision(carried):
    made = made_of([4, 3, 2, 1], terminated=False, carried=carried)
    last = made[-1]
    assert last.discount == 0.5
    assert last.next_observation.value["observation"].tolist() == [4]
    assert last.next_observation.value[PENDING].tolist() == [3, 2]


def test_and_knows_no_more_than_the_last_decision_did():
    made = made_of([4, 3, 2, 1], terminated=False, carried=False, read="start")
    assert pending_in(made)[-1] == ([4, 0], [3, 0])


def test_pending_actions_of_another_agent_are_made_from_what_was_applied():
    assert pending_in(made_of([4, 3, 2, 1], terminated=True, carried=False)) == pending_in(
        made_of([4, 3, 2, 1], terminated=True)
    )


def test_several_decisions_end_at_what_the_last_of_them_leads_to():
    made = made_of([4, 3, 2, 1], terminated=True, n_step=2)
    assert pending_in(made)[:2] == [([0, 0], [5, 4]), ([0, 5], [4, 3])]


def test_continuous_actions_are_normalised_beside_a_mask():
    code = PendingCode(Continuous(low=(-2.0, 0.0), high=(2.0, 1.0)), 3)
    made = code.of({1: np.array([2.0, 0.5], np.float32), 3: np.array([-1.0, 0.0], np.float32)})
    assert made.dtype == np.float32
    assert made.tolist() == [[-0.5, -1, 1], [0, 0, 0], [1, 0, 1]]
    assert code.spec.admits(made)
