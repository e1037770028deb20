"""Transitions of delay-aware agents: frames joined with the pending actions that decisions knew."""

import itertools

import numpy as np
import pytest
import torch

from rtgraph.msgs import Applied, ArraySpec, Continuous, Discrete, Header, Lineage, Observation, PlantSpec
from rtgraph.msgs.pending import PENDING, PendingCode, with_pending
from rtgraph.nodes.algorithms.batch import TensorBatch
from rtgraph.nodes.algorithms.dqn.algorithm import Dqn
from rtgraph.nodes.algorithms.dqn.params import DqnParams
from rtgraph.nodes.networks import MlpSpec
from rtgraph.nodes.networks.build import build
from rtgraph.nodes.replay.params import ReplayParams
from rtgraph.nodes.replay.pending_history import PendingView
from rtgraph.nodes.replay.transitions import Assembler

ACTION = Discrete(count=5)
CODE = PendingCode(ACTION, 2)


def header(tick, lineage=None):
    return Header(source="plant", incarnation=0, sequence=tick, stamp_ns=tick, lineage=lineage)


def made_of(rows, *, terminated, carried=True, read="late", **options):
    """Return the transitions of an episode with actions of age 2; ``rows`` are the actions from tick 2 on."""
    view = PendingView(ACTION, 2, read)
    assembler = Assembler(0.5, view=view, **options)
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


# ---- chunks --------------------------------------------------------------------------------------------------------

ENDS_AT = 10
CHUNK = 3
ACTED = {tick: (2 * tick) % 5 for tick in range(2, ENDS_AT + 1)}
"""The action at each tick from 2 on, in chunks of 3: from the observations of ticks 0, 3 and 6, each 2 ticks old at first."""


def made_of_chunks(*, slots, terminated, **options):
    assembler = Assembler(0.5, view=PendingView(ACTION, slots, "late", CHUNK), **options)
    made = []
    for tick in range(ENDS_AT + 1):
        ends = {"terminated" if terminated else "truncated": tick == ENDS_AT}
        value = np.array([tick], np.float32)
        observed = Observation(tick=tick, episode=0, first=tick == 0, value=value, reward=tick, **ends)
        made += assembler.observed(observed.stamped(header(tick)))
        acts, lineage = {"action": 0, "by": "default" if tick else "reset"}, None
        if tick in ACTED:
            place = (tick - 2) % CHUNK
            began = tick - place
            known = {lag: ACTED[began - lag] for lag in range(1, slots + 1) if began - lag in ACTED}
            acts = {"action": ACTED[tick], "by": "policy", "place": place}
            acts["pending"] = PendingCode(ACTION, slots).of(known) if slots else None
            seen = {"sequence": began - 2, "tick": began - 2, "episode": 0}
            lineage = Lineage(source="plant", incarnation=0, stamp_ns=0, **seen)
        applied = Applied(tick=tick, episode=0, due_ns=0, lateness_ns=0, **acts)
        made += assembler.applied(applied.stamped(header(tick, lineage)))
    return made


def seen_at(tick, slots):
    """Return what the decision that acts at a tick sees: its observation, then an action + 1 for each slot."""
    began = tick - (tick - 2) % CHUNK
    ticks = range(began - slots, began + CHUNK - 1)
    return [began - 2], [ACTED[at] + 1 if at in ACTED and at < tick else 0 for at in ticks]


@pytest.mark.parametrize("slots", [0, 2])
@pytest.mark.parametrize("terminated", [False, True])
def test_each_place_of_a_chunk_leads_to_the_next_place_and_the_last_to_the_next_chunk(slots, terminated):
    made = made_of_chunks(slots=slots, terminated=terminated)
    for tick, one in zip(ACTED, made, strict=True):
        last = terminated and tick == ENDS_AT
        frames = [one.observation.value, one.next_observation.value]
        seen = [(frame["observation"].tolist(), frame[PENDING].tolist()) for frame in frames]
        nothing = [tick], [0] * (slots + CHUNK - 1)
        assert seen == [seen_at(tick, slots), nothing if last else seen_at(tick + 1, slots)]
        assert (one.action, one.discounted_reward, one.ticks) == (ACTED[tick], tick, 1)
        assert one.discount == (0 if last else 0.5)


@pytest.mark.parametrize(("double", "n_step"), [(False, 1), (True, 3)])
def test_the_targets_of_a_chunk_are_those_computed_action_by_action(double, n_step):
    plant = PlantSpec(rate_hz=60, observation=ArraySpec(dtype="float32", shape=(1,)), action=ACTION)
    seen = with_pending(plant, 2 + CHUNK - 1)
    online, target = (build(MlpSpec(hidden=(16, 16)), seen, seed=seed) for seed in (0, 1))
    made = made_of_chunks(slots=2, terminated=False, n_step=n_step)
    frames = [[getattr(one, name).value for one in made] for name in ("observation", "next_observation")]
    observations, following = (
        {name: torch.from_numpy(np.stack([one[name] for one in some])) for name in some[0]} for some in frames
    )
    numbers = {"returns": "discounted_reward", "discounts": "discount"}
    vectors = {to: torch.tensor([getattr(one, name) for one in made]) for to, name in numbers.items()}
    actions = torch.tensor([one.action for one in made])
    batch = TensorBatch(observations, actions, vectors["returns"], following, vectors["discounts"], actions)
    algorithm = Dqn(DqnParams(double=double), MlpSpec(), seen)
    targets = algorithm.wanted(online, target, batch, np.random.default_rng(0))

    def values(network, tick):
        observation, pending = seen_at(tick, 2)
        parts = {"observation": torch.tensor([observation]).float(), PENDING: torch.tensor([pending])}
        return network(parts)[0].tolist()

    for tick, wanted in zip(ACTED, targets.tolist(), strict=True):
        after = min(tick + n_step, ENDS_AT + 1)
        earned = sum(0.5 ** (at - tick) * at for at in range(tick, after))
        best = int(np.argmax(values(online if double else target, after)))
        expected = earned + 0.5 ** (after - tick) * values(target, after)[best]
        assert wanted == pytest.approx(expected, rel=1e-5)


def test_demonstrations_for_chunks_are_refused():
    plant = PlantSpec(rate_hz=60, observation=ArraySpec(dtype="float32", shape=(1,)), action=ACTION)
    given = {"plant": plant, "delay_aware": {"chunk": 3}, "fill": "game.mcap"}
    assert ReplayParams(**given).view == PendingView(ACTION, 0, "late", 3)
    with pytest.raises(
        ValueError, match=r"a demonstration has no chunks, .* chunks of 3 actions. hint: give chunk=1"
    ):
        ReplayParams(**given, fill_latency_frames=3)
