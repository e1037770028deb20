from dataclasses import replace

import numpy as np
import pytest
from support.fading import PERIOD_NS, Fading, FadingEnvironment
from support.host import HandHost
from support.staggered import plan

from rtgraph.msgs import ArraySpec, Continuous, Decision, PartsSpec, PlantSpec
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.plant import Plant, PlantParams
from rtgraph.nodes.runtime import LaunchContext, RunLimits, VirtualWorld
from rtgraph.nodes.runtime.clock import tick_time_ns


def plant(ticks=None, incarnation=0, begin_ns=0, **params):
    launch_context = LaunchContext(limits=RunLimits(ticks=ticks))
    host = HandHost(Fading, params, name="plant", incarnation=incarnation, launch_context=launch_context)
    host.clock.time_ns = begin_ns
    host.begin()
    return host


def run_ticks(host, last):
    """Run the ticks up to and including the one due at this multiple of the period."""
    host.run_until(last * PERIOD_NS)
    return host.messages("applied")


def decide(host, action, on, number=0):
    """Deliver a decision on an observation now."""
    decision = Decision(worker="w/0", number=number, action=action, began_ns=0, inference_ns=0)
    host.deliver("decision", decision, source="w/0", sequence=number, of=on)


# ---- time ----------------------------------------------------------------------------------------------------------


def test_ticks_are_numbered_without_gaps_and_due_at_absolute_times():
    host = plant()
    applied = run_ticks(host, 99)
    assert [a.tick for a in applied] == list(range(100))
    assert [a.due_ns for a in applied] == [tick_time_ns(tick, 100.0) for tick in range(100)]
    assert {a.lateness_ns for a in applied} == {0}
    assert [o.tick for o in host.messages("observation")] == list(range(100))
    assert [time_ns for time_ns, *_ in host.sent if time_ns % PERIOD_NS] == []


def test_a_late_tick_makes_the_next_no_later():
    host = plant()
    host.node._environment.on_step = lambda steps: setattr(
        host.clock, "time_ns", host.clock.time_ns + 4_000_000
    )
    applied = run_ticks(host, 50)
    assert {a.lateness_ns for a in applied} == {0}
    assert [a.work_ns for a in applied] == [0, 0, *[4_000_000] * 49]
    assert {a.overruns for a in applied} == {0}


def slow_once(host, at, periods):
    """Make the step of tick ``at`` take this many periods."""

    def on_step(steps):
        if steps == at:
            host.clock.time_ns += round(periods * PERIOD_NS)

    host.node._environment.on_step = on_step


def test_an_overrun_is_caught_up_back_to_back():
    host = plant(catch_up_ticks=3)
    slow_once(host, at=5, periods=3.5)
    applied = run_ticks(host, 12)
    # Tick 5 ends at 8.5 periods: 6, 7 and 8 run at once, 9 is on time again.
    assert [a.tick for a in applied] == list(range(13))
    assert [a.lateness_ns * 10 // PERIOD_NS for a in applied[5:10]] == [0, 25, 15, 5, 0]
    assert [a.due_ns // PERIOD_NS for a in applied] == list(range(13))
    # Ticks 5, 6 and 7 were still running when the next was due.
    assert [a.overruns for a in applied[5:10]] == [0, 1, 2, 3, 3]
    assert applied[-1].slipped == 0
    assert applied[6].work_ns == round(3.5 * PERIOD_NS)


def test_beyond_what_is_caught_up_ticks_are_given_up_and_counted():
    host = plant(catch_up_ticks=3)
    slow_once(host, at=5, periods=7.5)
    applied = run_ticks(host, 20)
    # Tick 5 ends at 12.5 periods, 7 ticks late: 4 are skipped, 3 run at once, at the times of 10, 11 and 12.
    assert [a.tick for a in applied] == list(range(len(applied)))
    assert [a.due_ns // PERIOD_NS for a in applied[4:12]] == [4, 5, 10, 11, 12, 13, 14, 15]
    assert [a.lateness_ns * 10 // PERIOD_NS for a in applied[5:10]] == [0, 25, 15, 5, 0]
    assert [a.slipped for a in applied[5:8]] == [0, 4, 4]
    assert applied[-1].tick + applied[-1].slipped == 20


def test_without_catching_up_every_tick_behind_is_given_up():
    host = plant(catch_up_ticks=0)
    slow_once(host, at=5, periods=2.5)
    applied = run_ticks(host, 20)
    assert [a.due_ns // PERIOD_NS for a in applied[5:8]] == [5, 8, 9]
    assert {a.lateness_ns for a in applied} == {0}
    assert applied[-1].slipped == 2


def test_a_tick_that_takes_exactly_its_period_is_no_overrun():
    host = plant()
    host.node._environment.on_step = lambda steps: setattr(
        host.clock, "time_ns", host.clock.time_ns + PERIOD_NS
    )
    applied = run_ticks(host, 20)
    assert {(a.overruns, a.lateness_ns) for a in applied} == {(0, 0)}


def test_a_plant_that_starts_late_loses_no_tick_uncounted():
    host = plant(catch_up_ticks=3, begin_ns=round(10.5 * PERIOD_NS))
    applied = run_ticks(host, 20)
    assert [a.tick for a in applied] == list(range(len(applied)))
    # Tick 0 runs at once, 10 and a half periods late; 7 are skipped, and the three that are caught up run back to back.
    assert [a.lateness_ns * 10 // PERIOD_NS for a in applied[:5]] == [105, 25, 15, 5, 0]
    assert [a.slipped for a in applied[:3]] == [0, 7, 7]
    assert applied[-1].tick + applied[-1].slipped == 20


@pytest.mark.parametrize("begin", [0, 5, 1_000_000_007, 987_654_321_987])
def test_a_restarted_plant_begins_at_the_tick_of_its_time(begin):
    host = plant(incarnation=1, begin_ns=begin)
    host.run_until(begin + 3 * PERIOD_NS)
    first = host.messages("applied")[0]
    assert first.by == "reset"
    assert abs(first.due_ns - begin) <= 2 * PERIOD_NS
    assert first.due_ns == tick_time_ns(first.tick, 100.0)


def test_a_plant_that_restarts_after_the_last_tick_ends_the_launch():
    host = plant(ticks=60, incarnation=1, begin_ns=84 * PERIOD_NS)
    host.run_until(90 * PERIOD_NS)
    assert host.messages("applied") == []
    assert host.finished == ["83 ticks"]


# ---- what acts -----------------------------------------------------------------------------------------------------


def test_the_first_tick_resets_and_applies_nothing():
    host = plant()
    (first,) = run_ticks(host, 0)
    assert (first.by, first.action, first.reward, first.tick, first.episode) == ("reset", 7, 0.0, 0, 0)
    (observation,) = host.messages("observation")
    assert (observation.first, observation.reward, observation.value.tolist()) == (True, 0.0, [1, 0])
    assert host.node._environment.actions == []


def test_a_decision_acts_at_the_first_tick_after_it_comes_and_once():
    host = plant()
    run_ticks(host, 2)
    host.run_until(round(2.5 * PERIOD_NS))
    decide(host, 3, on=host.messages("observation")[1])
    applied = run_ticks(host, 5)
    assert [a.action for a in applied] == [7, 7, 7, 3, 7, 7]
    assert [a.by for a in applied] == ["reset", "default", "default", "policy", "default", "default"]
    acted = applied[3]
    assert (acted.worker, acted.decision, acted.age_ticks, acted.age_ns) == ("w/0", 0, 2, 2 * PERIOD_NS)
    assert acted.header.lineage.tick == 1
    assert (acted.arrived, acted.overwritten, acted.late, acted.dropped) == (1, 0, 0, 0)
    assert applied[4].header.lineage is None
    assert host.node._environment.actions == [7, 7, 3, 7, 7]


def test_a_decision_due_exactly_at_a_tick_counts_for_it():
    plans = [
        plan(
            0, "plant", "support.fading:Fading", {}, "observation applied episode", {"decision": ["worker"]}
        ),
        plan(
            1,
            "worker",
            "rtgraph.nodes.inference:Worker",
            {
                "plant": Fading.spec(None).model_dump(),
                "policy": {"kind": "random"},
                "latency": {"kind": "constant", "frames": 2},
                "stagger": "none",
            },
            "decision inference_time state",
            {"observation": ["plant"]},
        ),
        plan(2, "monitor", "rtgraph.nodes.monitor:Monitor", {}, "progress", {"applied": ["plant"]}),
    ]
    world = VirtualWorld(plans, launch_context=LaunchContext(limits=RunLimits(ticks=9)))
    world.run()
    ages = world.node("monitor").trace.ticks()["age_ticks"].tolist()
    assert ages == [-1, -1, 2, -1, 2, -1, 2, -1, 2]


def test_what_became_of_every_decision_is_counted():
    host = plant()
    run_ticks(host, 3)
    observations = host.messages("observation")
    for number, on in enumerate((1, 3, 2)):
        decide(host, number, on=observations[on], number=number)
    assert run_ticks(host, 4)[-1].action == 1
    decide(host, 4, on=observations[0], number=3)
    applied = run_ticks(host, 5)
    counted = [(a.arrived, a.overwritten, a.late, a.dropped) for a in applied[4:]]
    assert counted == [(3, 2, 0, 0), (1, 0, 1, 0)]


def test_an_action_that_is_not_as_the_spec_says_is_refused_before_it_comes_to_the_gate(caplog):
    host = plant(gate={"kind": "playout"})
    run_ticks(host, 3)
    on = host.messages("observation")[1]
    wrong = [9, -1, np.array([3]), np.array(0.5)]
    for number, action in enumerate(wrong):
        decide(host, action, on=on, number=number)
    applied = run_ticks(host, 4)[-1]
    assert (applied.by, applied.arrived, applied.refused, applied.dropped) == ("default", 4, 4, 0)
    assert (applied.delay_ticks, applied.starting) == (0, True), "a refused decision says nothing of ages"
    decide(host, 8, on=on, number=4)
    decide(host, 9, on=on, number=5)
    applied = run_ticks(host, 5)[-1]
    assert (applied.by, applied.action, applied.arrived, applied.refused) == ("policy", 8, 2, 1)
    host.executor.stop()
    assert [record.getMessage() for record in caplog.records] == [
        "refused decision 0 of w/0: action 9: expected a whole number from 0 to 8",
        "refused 5 decisions of w/0 in total",
    ]


def test_what_is_refused_at_the_start_of_an_episode_is_not_counted_twice():
    host = plant(terminated_after=2)
    run_ticks(host, 2)
    decide(host, 9, on=host.messages("observation")[1])
    decide(host, 3, on=host.messages("observation")[1], number=1)
    applied = run_ticks(host, 3)[-1]
    assert (applied.by, applied.arrived, applied.refused, applied.dropped) == ("reset", 2, 1, 1)


def test_a_held_decision_acts_when_its_time_has_come():
    host = plant(gate={"kind": "playout"})
    run_ticks(host, 3)
    observations = host.messages("observation")
    decide(host, 3, on=observations[0], number=0)  # at tick 4 its age is 4, and so is D
    run_ticks(host, 4)
    decide(host, 5, on=observations[3], number=1)  # held until tick 7
    applied = run_ticks(host, 9)
    assert [a.action for a in applied[4:]] == [3, 7, 7, 5, 7, 7]
    assert [a.age_ticks for a in applied if a.by == "policy"] == [4, 4]
    assert {a.delay_ticks for a in applied[4:]} == {4}


@pytest.mark.parametrize(
    ("default", "acted"),
    [
        ("noop", [7, 7, 3, 7, 7]),
        ("repeat_last", [7, 7, 3, 3, 3]),
        ("support.fading:CountDown", [5, 4, 3, 3, 2]),
    ],
)
def test_the_default_behaviour_acts_where_the_policy_does_not(default, acted):
    host = plant(default=default)
    run_ticks(host, 2)
    decide(host, 3, on=host.messages("observation")[0])
    run_ticks(host, 5)
    assert host.node._environment.actions == acted


def test_a_default_behaviour_begins_anew_with_each_episode():
    host = plant(default="support.fading:CountDown", terminated_after=2)
    run_ticks(host, 5)
    assert host.node._environment.actions == [5, 4, 5, 4]


def test_repeating_the_last_action_does_not_reach_into_the_next_episode():
    host = plant(default="repeat_last", terminated_after=2)
    run_ticks(host, 1)
    decide(host, 3, on=host.messages("observation")[0])
    run_ticks(host, 4)
    assert host.node._environment.actions == [7, 3, 7]


# ---- episodes ------------------------------------------------------------------------------------------------------


def test_the_end_of_an_episode_is_told_and_the_next_begins_at_the_next_tick():
    host = plant(terminated_after=3)
    applied = run_ticks(host, 9)
    assert [a.by for a in applied] == [
        "reset",
        *["default"] * 3,
        "reset",
        *["default"] * 3,
        "reset",
        "default",
    ]
    assert [a.episode for a in applied] == [0] * 4 + [1] * 4 + [2] * 2
    assert [a.tick for a in applied] == list(range(10))
    ends = host.messages("episode")
    assert [(e.episode, e.ticks, e.total_reward, e.terminated, e.truncated) for e in ends] == [
        (0, 3, 6.0, True, False),
        (1, 3, 6.0, True, False),
    ]
    observations = host.messages("observation")
    assert [o.first for o in observations] == [True, False, False, False] * 2 + [True, False]
    assert [o.terminated for o in observations] == [False, False, False, True] * 2 + [False, False]
    assert observations[3].measurements == {"steps": 3.0}


def test_an_episode_with_a_reason_says_why_it_ended_just_before_its_end():
    host = plant(terminated_after=3)
    environment = host.node._environment
    step = environment.step
    environment.step = lambda action: (
        replace(made, reason="won", encounter="room") if (made := step(action)).terminated else made
    )
    run_ticks(host, 1)
    decide(host, 3, on=host.messages("observation")[0])  # one action; at the other ticks the noop
    run_ticks(host, 4)
    (ending,) = host.messages("ending")
    assert (ending.tick, ending.episode, ending.reason, ending.encounter) == (3, 0, "won", "room")
    assert (ending.ticks, ending.actions, ending.measurements) == (3, 1, {"steps": 3.0})
    told = [output for _, output, *_ in host.sent if output in ("ending", "episode")]
    assert told == ["ending", "episode"]


def test_without_a_reason_nothing_is_said():
    host = plant(terminated_after=3)
    run_ticks(host, 5)
    assert host.messages("ending") == []


@pytest.mark.parametrize(("terminated", "truncated"), [(2, None), (None, 2), (2, 2)])
def test_being_terminated_and_being_truncated_are_never_merged(terminated, truncated):
    host = plant(terminated_after=terminated, truncated_after=truncated)
    run_ticks(host, 2)
    last, (end,) = host.messages("observation")[-1], host.messages("episode")
    assert (last.terminated, last.truncated) == (terminated is not None, truncated is not None)
    assert (end.terminated, end.truncated) == (last.terminated, last.truncated)


def test_a_decision_made_in_one_episode_never_acts_in_the_next():
    host = plant(terminated_after=2)
    run_ticks(host, 2)
    last = host.messages("observation")[-1]
    decide(host, 3, on=last, number=0)  # arrives at the reset
    run_ticks(host, 3)
    decide(host, 4, on=last, number=1)  # arrives in the next episode
    applied = run_ticks(host, 5)
    assert [(a.arrived, a.dropped) for a in applied[3:5]] == [(1, 1), (1, 1)]
    assert {a.by for a in applied} == {"reset", "default"}


def test_decisions_held_over_the_end_of_an_episode_are_dropped_and_counted():
    host = plant(gate={"kind": "playout"}, terminated_after=8)
    run_ticks(host, 4)
    decide(host, 3, on=host.messages("observation")[0], number=0)  # D = 5
    run_ticks(host, 6)
    decide(host, 4, on=host.messages("observation")[6], number=1)
    applied = run_ticks(host, 9)
    assert (applied[9].by, applied[9].dropped) == ("reset", 1)


def test_a_decision_for_an_earlier_life_of_the_plant_never_acts():
    before = plant()
    run_ticks(before, 3)
    host = plant(incarnation=1)
    run_ticks(host, 3)
    decide(host, 3, on=before.messages("observation")[3])
    applied = run_ticks(host, 4)
    assert (applied[4].by, applied[4].dropped) == ("default", 1)


# ---- the end, and the rest -----------------------------------------------------------------------------------------


def test_a_launch_ends_after_so_many_ticks():
    host = plant(ticks=5)
    run_ticks(host, 4)
    assert host.finished == ["5 ticks"]
    assert len(host.messages("applied")) == 5
    # There are no more ticks until the launch ends, however long that takes.
    run_ticks(host, 20)
    assert host.finished == ["5 ticks"]
    assert len(host.messages("applied")) == 5


def test_a_launch_ends_after_so_many_episodes():
    host = plant(episodes=2, terminated_after=3)
    run_ticks(host, 6)
    assert host.finished == []
    run_ticks(host, 7)
    assert host.finished == ["2 episodes"]
    ticks = len(host.messages("applied"))
    run_ticks(host, 20)
    assert host.finished == ["2 episodes"]
    assert len(host.messages("applied")) == ticks


def test_the_screen_is_published_only_where_it_is_wanted():
    host = plant()
    run_ticks(host, 3)
    assert host.messages("screen") == []
    host = plant(publish_screen=True)
    run_ticks(host, 3)
    screens = host.messages("screen")
    assert [int(s.image[0, 0, 0]) for s in screens] == [0, 1, 2, 3]
    assert [s.header.lineage.tick for s in screens] == [0, 1, 2, 3]


def test_the_environment_is_released_at_the_end():
    host = plant()
    host.executor.stop()
    assert host.node._environment.closed == 1


def test_a_plant_without_an_environment_says_what_is_missing():
    class Bare(Plant[PlantParams]):
        pass

    with pytest.raises(
        NodeError, match=r"Bare does not define its environment. hint: define environment\(\)"
    ):
        HandHost(Bare).begin()
    with pytest.raises(
        NodeError,
        match=r"Bare does not define the spec of its actions and observations. hint: define spec\(params\)",
    ):
        Bare.spec(PlantParams())


def test_an_observation_that_is_not_as_the_spec_says_is_refused(monkeypatch):
    host = plant()
    monkeypatch.setattr(type(host.node.environment()), "reset", lambda self, rng: np.zeros(7, np.float64))
    with pytest.raises(
        NodeError, match=r"the observation at tick 0 is float64 of shape \(7,\), but the spec has"
    ):
        run_ticks(host, 1)


def test_a_wrong_observation_in_the_middle_of_an_episode_names_the_plant_and_the_tick():
    host = plant()
    environment = host.node._environment

    def widen(steps):
        if steps == 5:
            environment._observe = lambda: np.zeros(3)

    environment.on_step = widen
    with pytest.raises(
        NodeError, match=r"plant: the observation at tick 5 is float64 of shape \(3,\), but the spec has"
    ):
        run_ticks(host, 9)
    assert len(host.messages("observation")) == 5


# ---- arrays that are written after use -----------------------------------------------------------------------------


class ReusingEnvironment(FadingEnvironment):
    """Returns the same array again and again, and overwrites the actions that it receives."""

    spec = PlantSpec(
        rate_hz=100.0,
        observation=ArraySpec(dtype="float32", shape=(2,)),
        action=Continuous(low=(-9.0,), high=(9.0,)),
    )
    noop = np.zeros(1)
    buffer = np.zeros(2, np.float32)

    def _observe(self):
        self.buffer[:] = self.resets, self.steps
        return self.buffer

    def step(self, action):
        found = super().step(action.copy())
        action *= 100
        return found

    def screen(self):
        image = self.__dict__.setdefault("image", np.zeros((2, 3, 3), np.uint8))
        image.fill(self.steps)
        return image


class Reusing(Fading):
    @classmethod
    def spec(cls, params):
        return ReusingEnvironment.spec

    def environment(self):
        return ReusingEnvironment(self.params)


class Reuser:
    """A default behaviour that always returns the same array, and counts in it."""

    def begin(self, noop):
        self.buffer = np.zeros(1)

    def act(self, observation, last):
        self.buffer += 1
        return self.buffer


def test_a_plant_and_a_default_behaviour_may_reuse_their_arrays():
    host = HandHost(Reusing, {"publish_screen": True}, name="plant")
    host.begin()
    host.node._default = Reuser()
    host.run_until(5 * PERIOD_NS)
    assert [each.value.tolist() for each in host.messages("observation")] == [[1, n] for n in range(6)]
    assert [each.image.max() for each in host.messages("screen")] == list(range(6))
    assert [each.action.tolist() for each in host.messages("applied")] == [[n] for n in range(6)]
    assert [action.tolist() for action in host.node._environment.actions] == [[n] for n in range(1, 6)]


def test_an_action_beyond_its_range_is_refused_or_clamped():
    for choice in ("refuse", "clamp"):
        host = HandHost(Reusing, {"out_of_range": choice}, name="plant")
        host.begin()
        run_ticks(host, 0)
        for number, action in enumerate(([np.nan], [20.0], [5.0])):
            decide(host, np.array(action), on=host.messages("observation")[-1], number=number)
            run_ticks(host, number + 1)
        applied = host.messages("applied")
        given = [action.tolist() for action in host.node._environment.actions]
        assert [each.refused for each in applied] == [0, 1, 0 if choice == "clamp" else 1, 0]
        assert applied[3].action.tolist() == [5]
        if choice == "clamp":
            assert applied[2].action.tolist() == [20], "the requested one"
            assert [None if each.sent is None else each.sent.tolist() for each in applied] == [
                None,
                None,
                [9],
                None,
            ]
            assert given == [[0], [9], [5]]
            assert host.node.result() == {"clamped": 1}
        else:
            assert [each.sent for each in applied] == [None] * 4
            assert given == [[0], [0], [5]]
            assert host.node.result() == {}


class Seeing(FadingEnvironment):
    """Returns parts, with their capture times, in the same arrays again and again."""

    spec = PlantSpec(
        rate_hz=100.0,
        observation=PartsSpec(
            parts={
                "wrist": ArraySpec(dtype="uint8", shape=(2, 2)),
                "joints": ArraySpec(dtype="float32", shape=(1,)),
            }
        ),
        action=FadingEnvironment.spec.action,
    )

    def _observe(self):
        parts = self.__dict__.setdefault(
            "parts", {"wrist": np.zeros((2, 2), np.uint8), "joints": np.zeros(1, np.float32)}
        )
        for part in parts.values():
            part[...] = self.steps
        return parts

    def captured_ns(self):
        return {"wrist": 1000 * self.steps}


class Seen(Fading):
    @classmethod
    def spec(cls, params):
        return Seeing.spec

    def environment(self):
        return Seeing(self.params)


def test_an_observation_of_several_parts_says_when_each_was_captured():
    host = HandHost(Seen, {}, name="plant")
    host.begin()
    run_ticks(host, 2)
    observations = host.messages("observation")
    assert [{name: part.max() for name, part in each.value.items()} for each in observations] == [
        {"wrist": n, "joints": n} for n in range(3)
    ]
    assert [each.captured_ns for each in observations] == [{"wrist": 1000 * n} for n in range(3)]
    ages_ns = [each.captured_age_ns for each in host.messages("applied")]
    assert ages_ns == [{"wrist": n * PERIOD_NS - 1000 * n} for n in range(3)]


def test_a_default_behaviour_cannot_write_the_observation(monkeypatch):
    host = plant()
    monkeypatch.setattr(host.node._default, "act", lambda observation, last: observation.fill(9))
    with pytest.raises(ValueError, match="read-only"):
        run_ticks(host, 3)


# ---- a run in which every decision was refused ---------------------------------------------------------------------


def test_a_plant_that_took_no_decision_at_all_says_that_the_launch_failed():
    host = plant()
    run_ticks(host, 0)
    first = host.messages("observation")[0]
    assert host.node.failure() == ""
    for number in range(3):
        decide(host, 99, first, number)
    run_ticks(host, 1)
    assert host.node.failure().startswith(
        "all 3 decisions were refused, the first: decision 0 of w/0: action 99"
    )
    decide(host, 8, first)
    run_ticks(host, 2)
    assert host.node.failure() == ""


def test_a_plant_tells_what_was_not_finite():
    host = HandHost(Reusing, {}, name="plant")
    host.begin()
    host.node._environment.on_step = lambda steps: setattr(host.node._environment, "resets", np.nan)
    assert host.node.result() == {}
    host.run_until(4 * PERIOD_NS)
    assert host.node.result()["not_finite"] == {"observations": 4}
