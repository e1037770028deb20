import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtgraph.msgs import Decision, Header, Lineage
from rtgraph.nodes.plant.gate import (
    AGES_KEPT,
    MOST_HELD,
    LatestGate,
    LatestParams,
    PlayoutGate,
    PlayoutParams,
    make_gate,
)
from rtgraph.nodes.runtime import NodePlan


def decision(tick, episode=0, incarnation=0, number=0):
    """Return a decision on the observation of a tick; ``number`` distinguishes it from others."""
    lineage = Lineage(
        source="plant", incarnation=incarnation, sequence=tick, stamp_ns=0, tick=tick, episode=episode
    )
    header = Header(source="w", incarnation=0, sequence=number, stamp_ns=0, lineage=lineage)
    return Decision(worker="w", number=number, action=0, began_ns=0, inference_ns=0).stamped(header)


def begun(gate, tick=0, episode=0, incarnation=0):
    gate.begin(tick, episode, incarnation)
    return gate


def fates(choice):
    return choice.overwritten, choice.late, choice.dropped


# ---- compared with a slow construction from the whole history at each tick -------------------------------------------


def quantile_99(ages):
    return sorted(ages)[math.floor(0.99 * len(ages) + 1e-9)]


class Obvious:
    """Recomputes everything at each tick from the whole history."""

    def __init__(self, playout, most_ticks=None):
        self.playout, self.most_ticks = playout, most_ticks
        self.history = []  # (arrival tick, decision) of all arrivals
        self.applied = []  # (tick, decision)
        self.gone = set()  # numbers of overwritten and late decisions
        self.began = (0, 0, 0)
        self.ages = []  # ages on arrival, in ticks, of all arrivals in their own episode
        self.measured = 0

    def begin(self, tick, episode, incarnation):
        dropped = len(self.held()) if self.playout else 0
        self.gone |= {d.number for _, d in self.history}
        self.began = (tick, episode, incarnation)
        return dropped

    def own(self, d):
        return (d.header.lineage.episode, d.header.lineage.incarnation) == self.began[1:]

    def last(self):
        now = [d.header.lineage.tick for tick, d in self.applied if tick >= self.began[0]]
        return max(now, default=-1)

    def held(self):
        acted = {d.number for _, d in self.applied}
        return [d for _, d in self.history if self.own(d) and d.number not in acted | self.gone]

    def delay(self, tick):
        if not self.playout:
            return 0
        if tick < 50 or tick % 20 == 0:
            ages = self.ages[-AGES_KEPT:]
            if ages:
                self.measured = quantile_99(ages)
        return self.measured if self.most_ticks is None else min(self.measured, self.most_ticks)

    def choose(self, tick, arrivals):
        self.ages += [tick - d.header.lineage.tick for d in arrivals if self.own(d)]
        dropped = [d for d in arrivals if not self.own(d)]
        late = [d for d in arrivals if self.own(d) and d.header.lineage.tick < self.last()]
        self.gone |= {d.number for d in late}
        self.history += [(tick, d) for d in arrivals]
        delay = self.delay(tick)
        before = self.held()
        ripe = [d for d in before if d.header.lineage.tick <= tick - delay]
        # max returns the first of equals; reversed, that is the later arrival.
        chosen = max(reversed(ripe), key=lambda d: d.header.lineage.tick, default=None)
        if chosen is not None:
            self.applied.append((tick, chosen))
            self.gone |= {d.number for d in before if d.header.lineage.tick < chosen.header.lineage.tick}
        if not self.playout:
            self.gone |= {d.number for d in before if d is not chosen}
        overwritten = len(before) - len(self.held()) - (chosen is not None)
        acted = any(tick_ >= self.began[0] and self.own(d) for tick_, d in self.applied)
        known = self.playout and bool(self.measured)
        starting = not acted and (tick - self.began[0] < delay if known else True)
        return chosen, delay, starting, (overwritten, len(late), len(dropped))


@st.composite
def schedules(draw):
    """Draw episodes of a plant that may be restarted, with current and outdated decisions."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    ticks, slowest = draw(st.integers(1, 150)), draw(st.sampled_from([1, 4, 12, 60]))
    busy, ends = draw(st.sampled_from([0.3, 1.0, 3.0])), draw(st.sampled_from([0.0, 0.02, 0.2]))
    steps, number, episode, incarnation = [], 0, 0, 0
    for tick in range(ticks):
        if tick == 0 or rng.random() < ends:
            if rng.random() < 0.2:
                incarnation, episode = incarnation + 1, -1
            episode += 1
            steps.append(("begin", tick, episode, incarnation))
            continue
        arrivals = []
        for _ in range(rng.poisson(busy)):
            lineage = (episode, incarnation) if rng.random() < 0.9 else (episode - 1, incarnation)
            if rng.random() < 0.05:
                lineage = (episode, incarnation - 1)
            observed = max(0, tick - 1 - int(rng.integers(slowest)))
            arrivals.append(decision(observed, *lineage, number=number))
            number += 1
        steps.append(("choose", tick, arrivals))
    return steps


def check_against_obvious(gate, obvious, steps):
    for kind, tick, *rest in steps:
        if kind == "begin":
            assert gate.begin(tick, *rest) == obvious.begin(tick, *rest), (
                f"dropped at the start of tick {tick}"
            )
            continue
        choice = gate.choose(tick, *rest)
        chosen, delay, starting, counts = obvious.choose(tick, *rest)
        assert choice.decision is chosen, f"at tick {tick}"
        assert (choice.delay_ticks, choice.starting) == (delay, starting), f"at tick {tick}"
        assert fates(choice) == counts, f"overwritten, late, dropped at tick {tick}"


@settings(deadline=None, max_examples=120)
@given(schedules())
def test_the_latest_gate_chooses_as_constructed(steps):
    check_against_obvious(LatestGate(), Obvious(playout=False), steps)


@settings(deadline=None, max_examples=120)
@given(schedules(), st.sampled_from([None, 1, 3, 100]))
def test_the_playout_gate_chooses_as_constructed(steps, most_ticks):
    check_against_obvious(PlayoutGate(most_ticks), Obvious(playout=True, most_ticks=most_ticks), steps)


# ---- each rule by hand ---------------------------------------------------------------------------------------------


def test_gates_are_made_by_kind():
    assert isinstance(make_gate(LatestParams(), 10_000_000), LatestGate)
    assert isinstance(make_gate(PlayoutParams(), 10_000_000), PlayoutGate)
    with pytest.raises(ValueError, match="most_ticks"):
        PlayoutParams(most_ticks=0)


@pytest.mark.parametrize("gate_type", [LatestGate, PlayoutGate])
def test_without_decisions_there_is_nothing_to_choose(gate_type):
    choice = begun(gate_type()).choose(1, [])
    assert choice.decision is None
    assert fates(choice) == (0, 0, 0)


@pytest.mark.parametrize("gate_type", [LatestGate, PlayoutGate])
def test_the_newest_observation_wins_and_among_equals_the_later_arrival(gate_type):
    newest = [decision(3, number=1), decision(5, number=2), decision(5, number=3), decision(4, number=4)]
    choice = begun(gate_type()).choose(59, newest)  # D is not measured at this tick: it is 0
    assert choice.decision is newest[2]


def test_the_latest_gate_applies_what_arrived_since_the_last_tick_once():
    gate = begun(LatestGate())
    assert gate.choose(2, [decision(1)]).decision is not None
    assert gate.choose(3, []).decision is None


def test_a_decision_strictly_older_than_one_applied_is_late_and_an_equal_one_acts():
    gate = begun(LatestGate())
    gate.choose(5, [decision(3, number=0)])
    assert fates(gate.choose(6, [decision(2, number=1)])) == (0, 1, 0)
    assert gate.choose(7, [decision(3, number=2)]).decision.number == 2


@pytest.mark.parametrize("gate_type", [LatestGate, PlayoutGate])
@pytest.mark.parametrize("life", [{"episode": 0}, {"episode": 2}, {"incarnation": 0}, {"incarnation": 2}])
def test_decisions_of_another_episode_or_life_never_act(gate_type, life):
    gate = begun(gate_type(), tick=10, episode=1, incarnation=1)
    choice = gate.choose(12, [decision(11, **{"episode": 1, "incarnation": 1, **life})])
    assert choice.decision is None
    assert fates(choice) == (0, 0, 1)
    assert gate.choose(40, []).decision is None


@pytest.mark.parametrize("gate_type", [LatestGate, PlayoutGate])
def test_a_decision_of_no_observation_never_acts(gate_type):
    stray = Decision(worker="w", number=0, action=0, began_ns=0, inference_ns=0)
    assert fates(begun(gate_type()).choose(1, [stray])) == (0, 0, 1)


@pytest.mark.parametrize("gate_type", [LatestGate, PlayoutGate])
def test_a_new_episode_begins_without_what_was_applied_before(gate_type):
    gate = begun(gate_type())
    gate.choose(90, [decision(89)])
    # A restarted plant continues its tick count, but a lower tick is allowed.
    gate.begin(10, 1, 1)
    assert gate.choose(100, [decision(11, 1, 1)]).decision is not None


def test_playout_holds_until_the_age_and_says_how_many_it_dropped():
    gate = begun(PlayoutGate())
    assert gate.choose(6, [decision(0, number=0)]).decision.number == 0  # D = 6
    held = [decision(observed, number=observed) for observed in (2, 3)]
    choice = gate.choose(7, held)
    assert (choice.decision, choice.delay_ticks, choice.starting) == (None, 6, False)
    assert gate.choose(8, []).decision is held[0]
    assert gate.begin(9, 1, 0) == 1


def test_playout_plays_a_latecomer_at_once_unless_a_newer_one_was():
    gate = begun(PlayoutGate())
    gate.choose(53, [decision(50, number=0)])
    gate.choose(60, [])  # D = 3
    assert gate.choose(70, [decision(61, number=1)]).decision.number == 1
    assert fates(gate.choose(71, [decision(60, number=2)])) == (0, 1, 0)


def test_playout_follows_the_window_in_its_rhythm():
    gate = begun(PlayoutGate())
    delays = [gate.choose(tick, [decision(tick - 9, number=tick)]).delay_ticks for tick in range(10, 100)]
    assert set(delays) == {9}
    later = range(100, 100 + AGES_KEPT + 20)
    delays += [gate.choose(tick, [decision(tick - 2, number=tick)]).delay_ticks for tick in later]
    changes = [tick for tick, (one, next_) in enumerate(pairwise(delays), 11) if one != next_]
    # 90 of the 9s came before the 2s; 1 % of 400 is 4, so D falls at the first 20th tick with 4 or fewer in the window.
    assert changes == [500], changes
    assert delays[-1] == 2


def test_playout_measures_at_each_tick_below_50_and_then_at_each_twentieth():
    gate = begun(PlayoutGate())
    delays = {tick: gate.choose(tick, [decision(0, number=tick)]).delay_ticks for tick in range(45, 82)}
    assert [delays[tick] for tick in (45, 48, 49, 50, 51, 59, 60, 61, 79, 80, 81)] == [
        *(45, 48, 49, 49, 49, 49),
        *(60, 60, 60, 80, 80),
    ]


def test_playout_is_bounded_where_that_is_asked():
    gate = begun(PlayoutGate(4))
    assert gate.choose(20, [decision(0)]).delay_ticks == 4


def test_playout_says_when_an_episode_is_too_young():
    gate = begun(PlayoutGate())
    gate.choose(20, [decision(15)])  # D = 5
    gate.begin(21, 1, 0)
    assert [gate.choose(tick, []).starting for tick in range(22, 28)] == [True] * 4 + [False] * 2


def test_the_first_episode_starts_until_its_first_decision_acts_for_nobody_knows_how_long_that_takes():
    gate = begun(PlayoutGate())
    assert [gate.choose(tick, []).starting for tick in range(1, 7)] == [True] * 6
    assert gate.choose(7, [decision(0)]).starting is False
    assert gate.choose(8, []).starting is False


def test_with_the_latest_gate_each_episode_starts_until_its_first_decision():
    gate = begun(LatestGate())
    for began, episode in ((0, 0), (20, 1)):
        gate.begin(began, episode, 0)
        stray = decision(began, episode=7)
        found = [gate.choose(began + tick, [stray] if tick == 2 else []).starting for tick in (1, 2, 3)]
        found.append(gate.choose(began + 4, [decision(began, episode)]).starting)
        found.append(gate.choose(began + 5, []).starting)
        assert found == [True, True, True, False, False]


def test_what_is_held_is_bounded():
    gate = begun(PlayoutGate())
    gate.choose(60, [decision(0, number=0)])  # D stays 0 until the next 20th tick, then is 60
    gate.choose(80, [])
    held = [decision(79, number=1 + number) for number in range(MOST_HELD + 5)]
    choice = gate.choose(81, held)
    assert choice.dropped == 5
    assert gate.begin(82, 1, 0) == MOST_HELD


def test_a_decision_older_than_the_maximum_never_acts_and_counts_as_late():
    gate = begun(make_gate(LatestParams(max_age_ms=50), 10_000_000))
    assert gate.choose(10, [decision(5)]).decision is not None
    assert fates(gate.choose(20, [decision(14)])) == (0, 1, 0)
    assert gate.choose(21, []).decision is None


def test_the_maximum_age_bounds_the_delay_of_playout_after_a_stall():
    gate = begun(make_gate(PlayoutParams(max_age_ms=50), 10_000_000))
    for tick in range(51, 400):
        choice = gate.choose(tick, [decision(tick - 51)])  # all of them far too old
        assert choice.decision is None
        assert choice.delay_ticks <= 5
    gate.choose(400, [decision(400)])
    assert gate.choose(405, []).decision is not None
    gate.choose(410, [decision(410)])
    assert fates(gate.choose(420, [])) == (0, 1, 0)


def test_playout_holds_to_another_quantile():
    gates = [begun(make_gate(PlayoutParams(quantile=quantile), 1)) for quantile in (0.99, 0.5)]
    ages = [3] * 6 + [7] * 4
    arrivals = [(tick, decision(tick - age, number=tick)) for tick, age in enumerate(ages, 10)]
    delays = [[gate.choose(tick, [made]).delay_ticks for tick, made in arrivals] for gate in gates]
    assert [found[-1] for found in delays] == [7, 3]


def test_uncontended_decisions_are_held_only_until_their_tick_cannot_be_taken():
    arrivals = {5 * number + age: 5 * number for number, age in enumerate([6, 7, 10, 6, 6, 9, 6] * 2)}

    def applied(hold):
        gate = begun(make_gate(PlayoutParams(hold=hold), 1))
        found = {}
        for tick in range(90):
            new = [decision(arrivals[tick], number=tick)] if tick in arrivals else []
            chosen = gate.choose(tick, new).decision
            if chosen is not None:
                found[chosen.header.lineage.tick] = tick - chosen.header.lineage.tick
        return list(found.values())[3:]  # D has risen to 10

    assert applied("always") == [10] * 11
    assert applied("contended") == [6, 6, 9, 6, 6, 7, 10, 6, 6, 9, 6]


def test_decisions_on_successive_ticks_are_held_as_always():
    rng = np.random.default_rng(0)
    ages = rng.integers(3, 8, 300)
    gates = [begun(make_gate(PlayoutParams(hold=hold), 1)) for hold in ("always", "contended")]
    for tick in range(310):
        new = [
            decision(seen, number=seen)
            for seen in range(max(0, tick - 8), min(300, tick))
            if seen + ages[seen] == tick
        ]
        one, other = (gate.choose(tick, new) for gate in gates)
        assert one == other


def test_params_without_a_maximum_are_written_as_before():
    assert LatestParams().model_dump() == {"kind": "latest"}
    assert PlayoutParams().model_dump() == {"kind": "playout", "most_ticks": None}
    assert "stop_s" not in NodePlan(name="n", index=0, node="m:N").model_dump()


def test_decisions_beyond_the_maximum_age_are_counted_apart_from_late_ones():
    gate = begun(LatestGate(most_age=3))
    assert gate.choose(5, [decision(5)]).too_old == 0
    choice = gate.choose(9, [decision(4), decision(5), decision(8)])
    assert (choice.late, choice.too_old, choice.decision.header.lineage.tick) == (2, 2, 8)


def test_held_decisions_that_grow_too_old_are_counted():
    gate = begun(PlayoutGate(most_age=3))
    gate._ages.extend([9] * 10)
    gate.choose(1, [])
    gate.choose(2, [decision(2)])
    choices = [gate.choose(tick, []) for tick in range(3, 8)]
    assert [choice.too_old for choice in choices] == [0, 0, 0, 1, 0]
    assert sum(choice.late for choice in choices) == 1


def test_a_delay_above_its_bound_is_reported():
    gate = begun(PlayoutGate(most_ticks=5))
    for tick in range(60):
        choice = gate.choose(tick, [decision(max(0, tick - 8), number=tick)])
    assert (choice.delay_ticks, choice.delay_over) == (5, 8)
    for tick in range(60, 60 + AGES_KEPT + 20):
        choice = gate.choose(tick, [decision(tick - 4, number=tick)])
    assert (choice.delay_ticks, choice.delay_over) == (4, 0)
