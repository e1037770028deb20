"""Transitions compared with the slow reference, on random schedules and on messages of real worlds."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.transitions import Expected, Happened
from reference.transitions import transitions as obvious
from support.collecting import listening
from support.staggered import DELAY, of_environment, staggered_plans

from rtgraph.msgs import Applied, Header, Lineage, Observation, decode
from rtgraph.msgs.errors import ReplayError
from rtgraph.nodes.replay.transitions import Assembler
from rtgraph.nodes.runtime import LaunchContext, RunLimits, VirtualWorld

# ---- histories, as messages and back ---------------------------------------------------------------------------------


def value_of(incarnation, tick):
    return np.array([incarnation * 1000 + tick])


def sequence_of(tick):
    return tick + 7


def observation(t):
    header = Header(source="plant", incarnation=t.incarnation, sequence=sequence_of(t.tick), stamp_ns=t.tick)
    return Observation(
        tick=t.tick,
        episode=t.episode,
        first=t.by == "reset",
        value=value_of(t.incarnation, t.tick),
        reward=t.reward,
        terminated=t.terminated,
        truncated=t.truncated,
    ).stamped(header)


def lineage_of(t, **changed):
    fields = {
        "source": "plant",
        "incarnation": t.incarnation,
        "sequence": sequence_of(t.decided_on),
        "stamp_ns": 0,
        "tick": t.decided_on,
        "episode": t.episode,
    }
    return Lineage(**fields | changed)


def applied(t, lineage=None):
    if lineage is None and t.by == "policy":
        lineage = lineage_of(t)
    header = Header(
        source="plant", incarnation=t.incarnation, sequence=t.tick, stamp_ns=t.tick, lineage=lineage
    )
    return Applied(
        tick=t.tick, episode=t.episode, action=t.action or 0, by=t.by, due_ns=0, lateness_ns=0
    ).stamped(header)


def as_expected(transition):
    for frame in (transition.observation, transition.next_observation):
        assert frame.value == value_of(frame.incarnation, frame.tick)
    return Expected(
        observation=(transition.observation.incarnation, transition.observation.tick),
        action=transition.action,
        reward=pytest.approx(transition.discounted_reward, abs=1e-9),
        next_observation=(transition.next_observation.incarnation, transition.next_observation.tick),
        discount=pytest.approx(transition.discount, rel=1e-12),
        ticks=transition.ticks,
        decisions=transition.decisions,
        by_default=transition.by_default,
    )


def fed(assembler, messages):
    made = []
    for message in messages:
        take = assembler.observed if isinstance(message, Observation) else assembler.applied
        made += take(message)
    return [as_expected(transition) for transition in made + assembler.finish()]


def in_order(history):
    for t in history:
        yield observation(t)
        yield applied(t)


# ---- random schedules ------------------------------------------------------------------------------------------------


@st.composite
def histories(draw):
    """Draw histories of one or two lives. Sizes shrink; the content comes from one seed, which is faster."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    episodes, longest = draw(st.integers(1, 4)), draw(st.integers(1, 14))
    history = []
    for incarnation in range(draw(st.integers(1, 2))):
        tick = int(rng.integers(4))
        ends = rng.choice(["terminated", "truncated", "both"], episodes).tolist() + ["never"] * int(
            rng.integers(2)
        )
        acting = rng.random()
        for episode, end in enumerate(ends):
            first = newest = tick
            history.append(Happened(incarnation, episode, tick, "reset"))
            length = int(rng.integers(1, longest + 1))
            for place in range(length):
                tick += 1
                over = place == length - 1 and end != "never"
                decided_on = None
                if rng.random() < acting:
                    decided_on = newest = max(newest, tick - 1 - int(rng.integers(6)), first)
                history.append(
                    Happened(
                        incarnation,
                        episode,
                        tick,
                        by="default" if decided_on is None else "policy",
                        # β's action differs from every decision's.
                        action=99 if decided_on is None else tick,
                        decided_on=decided_on,
                        reward=float(rng.integers(-3, 4)),
                        terminated=over and end in ("terminated", "both"),
                        truncated=over and end in ("truncated", "both"),
                    )
                )
            tick += 1
    return history


GAMMAS = st.sampled_from([0.5, 0.9, 1.0])


@settings(max_examples=70, deadline=None)
@given(histories(), GAMMAS, st.booleans(), st.integers(1, 4), st.sampled_from([None, 0.5, 1.0, 2.0]))
def test_transitions_are_those_of_the_obvious_construction(history, gamma, learn_default, n_step, clip):
    assembler = Assembler(gamma, learn_default=learn_default, n_step=n_step, clip_rewards=clip)
    made = fed(assembler, in_order(history))
    assert made == obvious(history, gamma, learn_default, n_step, clip or math.inf)
    assert assembler.counts.transitions == len(made)
    assert assembler.counts.decisions == len(made) + assembler.counts.cut
    assert assembler.counts.unknown == assembler.counts.unpaired == 0


@settings(max_examples=70, deadline=None)
@given(
    histories(), st.booleans(), st.integers(1, 3), st.integers(0, 2**32), st.sampled_from([0.0, 0.02, 0.1])
)
def test_and_so_they_are_with_losses_duplicates_and_one_topic_ahead_of_the_other(
    history, learn_default, n_step, seed, loss
):
    rng = np.random.default_rng(seed)
    lost, observations, others = [], [], []
    for t in history:
        seen, done = (int(times) for times in rng.choice([1, 0, 2], 2, p=[1 - 2 * loss, loss, loss]))
        observations += [observation(t)] * seen
        others += [applied(t)] * done
        lost.append(dataclasses.replace(t, observation_came=seen > 0, applied_came=done > 0))
    messages, ahead = [], rng.random()
    while observations or others:
        messages.append(
            (observations if observations and (not others or rng.random() < ahead) else others).pop(0)
        )
    assembler = Assembler(0.9, learn_default=learn_default, n_step=n_step)
    made = fed(assembler, messages)
    assert made == obvious(lost, 0.9, learn_default, n_step)
    # Nothing is lost silently: each complete decision became a transition or was counted.
    whole = [t for t in lost if t.whole and (t.by == "policy" or (learn_default and t.by == "default"))]
    counts = assembler.counts
    assert counts.decisions == len(whole)
    assert len(made) + counts.cut + counts.unknown == len(whole)


# ---- each by hand: the mistakes to avoid -----------------------------------------------------------------------------


def ticks(*rows, incarnation=0, episode=0, first=0):
    """Return a reset and one tick per row: None for β, or the tick decided on; rewards are 1, 2, 4, …"""
    history = [Happened(incarnation, episode, first, "reset")]
    for place, decided_on in enumerate(rows):
        by = "default" if decided_on is None else "policy"
        tick = first + 1 + place
        history.append(
            Happened(incarnation, episode, tick, by, tick if by == "policy" else 99, decided_on, 2.0**place)
        )
    return history


def ended(history, **how):
    return [*history[:-1], dataclasses.replace(history[-1], **how)]


def made_of(history, gamma=0.5, **options):
    assembler = Assembler(gamma, **options)
    made = []
    for t in history:
        made += assembler.observed(observation(t)) + assembler.applied(applied(t))
    return made, assembler


def test_a_decision_is_paired_with_its_own_observation_reward_and_what_the_next_was_decided_on():
    # Decided on 0, applied at 3, in effect at ticks 3 and 4; the next was decided on 2 and applied at 5.
    made, _ = made_of(ticks(None, None, 0, None, 2))
    assert len(made) == 1
    assert (made[0].observation.tick, made[0].next_observation.tick) == (0, 2)
    assert made[0].action == 3
    assert made[0].discounted_reward == 4 + 0.5 * 8
    assert (made[0].discount, made[0].ticks) == (0.25, 2)


def test_a_transition_is_given_as_soon_as_the_next_decision_takes_effect():
    assembler = Assembler(0.9)
    history = ticks(0, 1, 2)
    counts = [len(assembler.observed(observation(t)) + assembler.applied(applied(t))) for t in history]
    assert counts == [0, 0, 1, 1]


def test_the_default_action_is_never_stored_as_a_decision():
    made, assembler = made_of(ended(ticks(None, 0, None, None, 3, None), terminated=True))
    assert [t.action for t in made] == [2, 5]
    assert not any(t.by_default for t in made)
    assert assembler.counts.default_ticks == 4
    assert assembler.counts.unowned_ticks == 1


def test_unless_it_is_to_be_learned_from_as_a_decision_on_the_newest_observation():
    made, _ = made_of(ended(ticks(None, 0, None, 2), terminated=True), learn_default=True)
    assert [(t.observation.tick, t.action, t.by_default) for t in made] == [
        (0, 99, True),
        (0, 2, False),
        (2, 99, True),
        (2, 4, False),
    ]
    assert [t.next_observation.tick for t in made] == [0, 2, 2, 4]


def test_a_terminated_episode_is_not_bootstrapped_and_a_truncated_one_is_from_a_frame_just_as_old():
    history = ticks(None, None, 0, 1, 2, None)  # each is 3 ticks old when it is applied
    (*_, last), _ = made_of(ended(history, terminated=True))
    assert (last.discount, last.ticks, last.next_observation.tick) == (0.0, 2, 6)
    (*_, last), _ = made_of(ended(history, truncated=True))
    assert (last.discount, last.ticks, last.next_observation.tick) == (0.25, 2, 7 - 3)
    (*_, last), _ = made_of(ended(history, terminated=True, truncated=True))
    assert last.discount == 0.0


def test_a_decision_never_reaches_into_the_next_episode():
    one = ended(ticks(0, None), terminated=True)
    two = ended(ticks(None, 3, 4, first=3, episode=1), terminated=True)
    made, _ = made_of(one + two)
    assert [(t.observation.tick, t.next_observation.tick, t.discounted_reward) for t in made] == [
        (0, 2, 2.0),
        (3, 4, 2.0),
        (4, 6, 4.0),
    ]


def test_nor_into_another_life_of_the_plant_though_ticks_and_episodes_begin_anew():
    made, assembler = made_of(ticks(0, 1) + ticks(0, 1, incarnation=1))
    assert [(t.observation.incarnation, t.next_observation.incarnation) for t in made] == [(0, 0), (1, 1)]
    assert assembler.counts.cut == 1


def test_n_steps_are_discounted_by_the_ticks_between_the_decisions_not_by_their_number():
    made, _ = made_of(ended(ticks(0, None, 1, None, None, 4), terminated=True), n_step=2)
    first, second, third = made
    assert first.discounted_reward == 1 + 0.5 * 2 + 0.25 * 4 + 0.125 * 8 + 0.0625 * 16
    assert (first.discount, first.ticks, first.decisions) == (0.5**5, 5, 2)
    assert first.next_observation.tick == 4
    assert (second.discount, second.decisions) == (0.0, 2)
    assert (third.discount, third.decisions) == (0.0, 1)


@pytest.mark.parametrize(
    "changed",
    [
        {"episode": 1},
        {"incarnation": 1},
        {"sequence": 0},
        {"source": "other"},
        {"tick": 3},
        {"tick": 50},
        {"tick": 3, "sequence": 10},
    ],
    ids=str,
)
def test_a_decision_on_an_observation_that_did_not_come_is_not_learned_from(changed):
    history = ticks(0, 1, 2, 3)
    assembler = Assembler(0.9)
    made = []
    for t in history:
        lineage = lineage_of(t, **changed) if t.tick == 3 else None
        made += assembler.observed(observation(t)) + assembler.applied(applied(t, lineage))
    # Nor is the previous one, which would have to bootstrap from it.
    assert [t.action for t in made] == [1]
    assert (assembler.counts.unknown, assembler.counts.cut, assembler.counts.unowned_ticks) == (1, 1, 1)


def test_frames_that_no_decision_can_refer_to_are_let_go_and_the_others_are_bounded():
    assembler = Assembler(0.9, most_frames=50)
    made_of_now = 0
    for t in ticks(*(max(0, tick - 5) for tick in range(1, 400))):
        made_of_now += len(assembler.observed(observation(t)) + assembler.applied(applied(t)))
        assert len(assembler._frames) <= 6
    assert made_of_now == 398
    for t in ticks(*[None] * 400, episode=1, first=400):
        assembler.observed(observation(t))  # and nothing is ever applied
    assert len(assembler._frames) <= 50
    assert len(assembler._observations) <= 50


def test_nor_is_one_that_names_a_frame_of_the_episode_before():
    one = ended(ticks(0, 1), truncated=True)
    two = ticks(3, 4, 5, first=3, episode=1)
    assembler = Assembler(0.9)
    for t in one + two:
        lineage = lineage_of(t, tick=2, sequence=sequence_of(2)) if t.tick == 5 else None
        made = assembler.observed(observation(t)) + assembler.applied(applied(t, lineage))
        assert not made or t.tick <= 2
    assert (assembler.counts.unknown, assembler.counts.cut) == (1, 1)


@pytest.mark.parametrize("reward", [math.inf, -math.inf, math.nan])
def test_a_reward_that_is_not_finite_is_not_clipped_into_a_valid_one(reward):
    assembler = Assembler(0.9, clip_rewards=1.0)
    history = [dataclasses.replace(t, reward=reward) for t in ended(ticks(0, 1), terminated=True)]
    made = fed(assembler, in_order(history))
    assert made
    assert not any(math.isfinite(t.reward.expected) for t in made)


@pytest.mark.parametrize(
    "options",
    [
        {"gamma": 0.0},
        {"gamma": 1.01},
        {"gamma": float("nan")},
        {"gamma": 0.9, "n_step": 0},
        *({"gamma": 0.9, "clip_rewards": size} for size in (0.0, -1.0, math.inf, math.nan)),
    ],
)
def test_impossible_settings_are_refused(options):
    with pytest.raises(ReplayError, match="hint"):
        Assembler(**options)


# ---- what worlds publish ---------------------------------------------------------------------------------------------


def world_of(method, plant, params, spec, frames, workers):
    latency = {"kind": "lognormal", "frames": frames}
    plans = of_environment(staggered_plans(method, [latency] * workers), plant, params, spec)
    return VirtualWorld(
        listening(plans, journal=False), seed=5, launch_context=LaunchContext(limits=RunLimits(ticks=240))
    )


CART = (
    "rtgraph.nodes.emulator:Gymnasium",
    {"id": "CartPole-v1"},
    {
        "rate_hz": 60.0,
        "observation": {"dtype": "float32", "shape": [4]},
        "action": {"kind": "discrete", "count": 2},
    },
)


def published(world):
    """Return the plant's messages in order, and the history that they contain."""
    world.run()
    kinds = {"observation": Observation, "applied": Applied}
    messages = [
        decode(kinds[taken.topic], taken.data)
        for taken in world.node("collector").taken
        if taken.topic in kinds
    ]
    seen = {m.tick: m for m in messages if isinstance(m, Observation)}
    history = []
    for m in messages:
        if isinstance(m, Applied):
            o = seen[m.tick]
            history.append(
                Happened(
                    0,
                    m.episode,
                    m.tick,
                    m.by,
                    m.action,
                    m.header.lineage.tick if m.header.lineage else None,
                    o.reward,
                    o.terminated,
                    o.truncated,
                )
            )
    return messages, seen, history


@pytest.mark.parametrize(
    ("plant", "method", "frames", "workers"),
    [
        (DELAY, "none", 0.6, 1),
        (CART, "none", 5.3, 1),
        (DELAY, "none", 5.3, 6),
        (CART, "maximum_time", 5.3, 4),
        (CART, "expected_time", 5.3, 6),
        (DELAY, "expected_time", 2.5, 2),
        (CART, "paced", 5.3, 8),
        (DELAY, "paced", 5.3, 8),
    ],
    ids=lambda value: value[0].partition(":")[2] if isinstance(value, tuple) else str(value),
)
def test_every_method_and_gate_gives_what_was_decided_on_and_applied(plant, method, frames, workers):
    messages, seen, history = published(world_of(method, *plant, frames, workers))
    for learn_default, n_step in ((False, 1), (True, 1), (False, 3)):
        assembler = Assembler(0.97, learn_default=learn_default, n_step=n_step)
        made = []
        for message in messages:
            take = assembler.observed if isinstance(message, Observation) else assembler.applied
            made += take(message)
        made += assembler.finish()
        expected = obvious(history, 0.97, learn_default, n_step)
        assert [
            (t.observation.tick, t.action, t.next_observation.tick, t.discount, t.ticks, t.decisions)
            for t in made
        ] == [
            (
                e.observation[1],
                e.action,
                e.next_observation[1],
                pytest.approx(e.discount),
                e.ticks,
                e.decisions,
            )
            for e in expected
        ]
        assert [t.discounted_reward for t in made] == pytest.approx([e.reward for e in expected])
        for t in made:
            assert np.array_equal(t.observation.value, seen[t.observation.tick].value)
            assert np.array_equal(t.next_observation.value, seen[t.next_observation.tick].value)
        assert assembler.counts.unknown == assembler.counts.unpaired == 0
        assert assembler.counts.cut <= 1  # the one that the end of the run left open
    by = {t.by for t in history}
    assert "policy" in by
    assert sum(t.terminated or t.truncated for t in history) >= 5
