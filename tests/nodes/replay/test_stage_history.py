"""Transitions of networks in stages: the observations that all stages saw, beside a plain list of them."""

import numpy as np
import pytest
import torch
from support.pipelines import plain

from rtgraph.msgs import Applied, ArraySpec, Discrete, Header, Lineage, Observation, PlantSpec
from rtgraph.msgs.pending import with_later
from rtgraph.nodes.algorithms.batch import TensorBatch
from rtgraph.nodes.algorithms.dqn.algorithm import Dqn
from rtgraph.nodes.algorithms.dqn.params import DqnParams
from rtgraph.nodes.networks import MlpSpec
from rtgraph.nodes.networks.build import build
from rtgraph.nodes.replay.params import ReplayParams
from rtgraph.nodes.replay.stage_history import StageView
from rtgraph.nodes.replay.transitions import Assembler

STAGES = 4
PLANT = PlantSpec(rate_hz=60, observation=ArraySpec(dtype="float32", shape=(1,)), action=Discrete(count=5))
EPISODES, TICKS = 6, 12


def header(tick, lineage=None):
    return Header(source="plant", incarnation=0, sequence=tick, stamp_ns=tick, lineage=lineage)


def played(rng):
    """Return rows of several episodes: tick, episode, what the stages of the decision at this tick saw (None: β acts), and the end.

    Stages lag: they see observations of any ages, and on some ticks no decision arrives.
    """
    rows, tick = [], 0
    for episode in range(EPISODES):
        oldest = tick
        for place in range(TICKS):
            seen = None
            if place >= 2 and rng.random() < 0.7:
                oldest = int(rng.integers(oldest, tick))
                seen = [oldest, *(int(each) for each in rng.integers(oldest, tick, size=STAGES - 1))]
            rows.append(
                (tick, episode, seen, ["terminated", "truncated"][episode % 2] if place == TICKS - 1 else "")
            )
            tick += 1
    return rows


def made_of(rows, *, lost=(), named=True, n_step=1, **options):
    """Return the transitions of rows, with the assembler; ``lost`` are ticks with an observation that never arrives."""
    assembler = Assembler(0.5, view=StageView(STAGES - 1), n_step=n_step, **options)
    made = []
    for tick, episode, seen, end in rows:
        first = tick % TICKS == 0
        ends = {end: True} if end else {}
        value = np.array([tick], np.float32)
        observed = Observation(tick=tick, episode=episode, first=first, value=value, reward=tick, **ends)
        if tick not in lost:
            made += assembler.observed(observed.stamped(header(tick)))
        acts, lineage = {"action": 0, "by": "reset" if first else "default"}, None
        if seen is not None:
            acts = {"action": tick % 5, "by": "policy", "seen": tuple(seen[1:]) if named else ()}
            lineage = Lineage(
                source="plant", incarnation=0, sequence=seen[0], stamp_ns=0, tick=seen[0], episode=episode
            )
        applied = Applied(tick=tick, episode=episode, due_ns=0, lateness_ns=0, **acts)
        made += assembler.applied(applied.stamped(header(tick, lineage)))
    return made, assembler.counts


def expected_of(rows):
    """Return what the stages saw before and after each decision, as plain lists of ticks; and the ticks of both actions."""
    decided = [(tick, episode, seen) for tick, episode, seen, _ in rows if seen is not None]
    ends = {episode: (tick, end) for tick, episode, _, end in rows if end}
    found = []
    for number, (tick, episode, seen) in enumerate(decided):
        following = decided[number + 1] if number + 1 < len(decided) else (None, None, None)
        last, end = ends[episode]
        if following[1] == episode:
            after, then = following[0], following[2]
        elif end == "terminated":
            after, then = last + 1, [last] * STAGES
        else:
            after, then = last + 1, [each + last + 1 - tick for each in seen]
        found.append((seen, then, tick, after))
    return found


def stack(frame):
    names = ["observation", *(f"observation@{stage}" for stage in range(1, STAGES))]
    assert list(frame.value) == names
    return [int(frame.value[name][0]) for name in names]


@pytest.mark.parametrize("seed", range(5))
def test_a_transition_has_the_observations_that_each_stage_saw(seed):
    rows = played(np.random.default_rng(seed))
    made, counts = made_of(rows)
    expected = expected_of(rows)
    assert [(stack(one.observation), stack(one.next_observation)) for one in made] == [
        (seen, then) for seen, then, _, _ in expected
    ]
    assert [(one.action, one.ticks) for one in made] == [(at % 5, after - at) for _, _, at, after in expected]
    assert (counts.unknown, counts.cut) == (0, 0)


def test_a_decision_is_unknown_if_any_observation_of_its_stages_never_arrived():
    rows = [(0, 0, None, ""), (1, 0, None, "")]
    rows += [(tick, 0, [tick - 2, tick - 2, tick - 1, tick - 1], "") for tick in range(2, 9)]
    made, counts = made_of(rows, lost=[4])
    # The decisions of ticks 5 and 6 saw tick 4. That of tick 4 has no observation of the same tick, which would hold its reward.
    assert [stack(one.observation) for one in made] == [[0, 0, 1, 1], [5, 5, 6, 6]]
    assert counts.unknown == 2


def test_decisions_of_others_have_the_observations_that_stages_of_one_tick_would_have_seen():
    rows = [(0, 0, None, ""), *((tick, 0, [tick - 3, 0, 0, 0], "") for tick in range(3, 7))]
    rows[1:1] = [(1, 0, None, ""), (2, 0, None, "")]
    made, _ = made_of(rows, named=False)
    assert [stack(one.observation) for one in made] == [[0, 1, 2, 2], [1, 2, 3, 3], [2, 3, 4, 4]]
    # β acts on the observation of the tick before. A demonstration is seen by an agent with this delay, whatever it was made with.
    silent = [(tick, 0, None, "") for tick in range(4)]
    made, _ = made_of(silent, learn_default=True)
    assert [stack(one.observation) for one in made] == [[0] * 4, [1] * 4]
    made, _ = made_of(rows, age_ticks=4)
    assert [stack(one.observation) for one in made] == [[0, 1, 2, 3], [1, 2, 3, 4]]


def test_a_demonstration_is_as_old_as_the_observation_that_has_passed_all_stages():
    given = {"plant": PLANT, "fill_latency_frames": 9.0}
    staged = {"agent": "pipeline", "stages": 4, "skip": True, "stage_frames": 0.6}
    params = ReplayParams(**given, pipeline=staged)
    assert (params.filled_age_ticks, params.view) == (3, StageView(3))
    others = ReplayParams(**given, pipeline=staged | {"agent": "single"})
    assert (others.filled_age_ticks, others.view, others.seen) == (9, None, PLANT)
    assert "pipeline" not in others.model_dump()
    with pytest.raises(
        ValueError,
        match=r"a network in stages reads no pending actions, and no earlier actions of a chunk\. hint: delay_aware=none",
    ):
        ReplayParams(plant=PLANT, pipeline=staged, delay_aware={"chunk": 2})


@pytest.mark.parametrize(("double", "n_step"), [(False, 1), (True, 3)])
def test_the_targets_are_those_of_the_plain_network(double, n_step):
    spec, seen = MlpSpec(hidden=(6,), stages=STAGES, skip=True), with_later(PLANT, STAGES - 1)
    online, target = (build(spec, seen, seed=seed) for seed in (0, 1))
    rows = played(np.random.default_rng(7))
    made, _ = made_of(rows, n_step=n_step)
    frames = [[getattr(one, name).value for one in made] for name in ("observation", "next_observation")]
    observations, following = (
        {name: torch.from_numpy(np.stack([one[name] for one in some])) for name in some[0]} for some in frames
    )
    numbers = {"returns": "discounted_reward", "discounts": "discount"}
    vectors = {to: torch.tensor([getattr(one, name) for one in made]) for to, name in numbers.items()}
    actions = torch.tensor([one.action for one in made])
    batch = TensorBatch(observations, actions, vectors["returns"], following, vectors["discounts"], actions)
    targets = Dqn(DqnParams(double=double), spec, seen).wanted(
        online, target, batch, np.random.default_rng(0)
    )

    expected = expected_of(rows)
    episode_of = {tick: episode for tick, episode, _, _ in rows}
    for place, ((_, _, tick, _), wanted) in enumerate(zip(expected, targets.tolist(), strict=True)):
        spanned = [one for one in expected[place : place + n_step] if episode_of[one[2]] == episode_of[tick]]
        _, then, _, after = spanned[-1]
        value = sum(0.5 ** (at - tick) * at for at in range(tick, after))
        if not (after % TICKS == 0 and episode_of[tick] % 2 == 0):  # the episode goes on, or was truncated
            inputs = [[float(each)] for each in then]
            best = int(np.argmax(plain(online if double else target, inputs)))
            value += 0.5 ** (after - tick) * plain(target, inputs)[best]
        assert wanted == pytest.approx(value, rel=1e-4)
