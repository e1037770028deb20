import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.robot import safety
from rtgraph.nodes.robot.joints import JointParams, Limits
from rtgraph.nodes.robot.safety import Command, Safety, stale_after_ns

PERIOD_NS = 10_000_000
PERIOD_S = PERIOD_NS / 1e9
STALE_NS = stale_after_ns(PERIOD_NS)
JOINTS = {
    "pan": JointParams(range=(-1.0, 2.0), speed=3.0, acceleration=20.0),
    "lift": JointParams(range=(0.0, 100.0), speed=90.0, acceleration=150.0),
}
LIMITS = Limits.of(JOINTS)
START = np.array([0.5, 20.0])
LOOSE = 1e-9

numbers = st.one_of(
    st.floats(-150, 150),
    st.sampled_from([math.nan, math.inf, -math.inf, 1e300, 2.0, math.nextafter(2.0, 3.0), -1.0, 100.0]),
)
vectors = st.tuples(numbers, numbers)
near_start = st.tuples(st.floats(0.0, 1.0), st.floats(10.0, 30.0))
ages_ns = st.sampled_from([0, PERIOD_NS, STALE_NS, STALE_NS + 1, 3_000_000_000, -3_000_000_000])
commands = st.tuples(st.one_of(vectors, near_start), ages_ns, st.sampled_from(["worker", "teleop"]))
ticks = st.tuples(st.one_of(st.none(), commands), st.one_of(st.none(), vectors))
bursts = st.lists(st.tuples(ticks, st.integers(1, 25)), min_size=1, max_size=8)
"""Ticks that are each repeated a number of times, so that joints get to move."""


def broken(kind, sequence):
    """Return the first promise that a sequence breaks."""
    rules = Safety(LIMITS, kind, PERIOD_NS)
    rules.begin(START)
    position, velocity, now_ns = START.copy(), np.zeros(2), 10**12
    admitted_by, admitted_ns, held = "", -(10**12), True
    for (given_command, default), repeats in sequence:
        for _ in range(repeats):
            now_ns += PERIOD_NS
            command = None
            if given_command is not None:
                values, age_ns, source = given_command
                command = Command(np.array(values), now_ns - age_ns, source)
            beta = None if default is None else np.array(default)
            near = np.abs(np.array([math.nan]) if command is None else command.values - position)
            sent = rules.step(command, now_ns, position, beta)
            moved = (sent.values - position) / PERIOD_S if kind == "position" else sent.values
            position = position + moved * PERIOD_S
            if not np.isfinite(sent.values).all():
                return "finite"
            if (position < LIMITS.low - LOOSE).any() or (position > LIMITS.high + LOOSE).any():
                return "range"
            if (np.abs(moved) > LIMITS.speed + 1e-6).any():
                return "speed"
            if (np.abs(moved - velocity) > LIMITS.acceleration * PERIOD_S + 1e-6).any():
                return "acceleration"
            velocity = moved
            if command is not None and not sent.refused:
                if abs(age_ns) > STALE_NS:
                    return "stale"
                if source != admitted_by and now_ns - admitted_ns <= STALE_NS:
                    return "commander"
                if held and kind == "position" and (near > 0.5 * LIMITS.speed + LOOSE).any():
                    return "near"
                admitted_by, admitted_ns, held = source, now_ns, False
            elif now_ns - admitted_ns > STALE_NS:
                held = True
    return ""


def holds_for(kind, examples):
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(bursts)
    def holds(sequence):
        assert broken(kind, sequence) == ""

    return holds


@pytest.mark.parametrize("kind", ["position", "velocity"])
def test_whatever_arrives_what_is_sent_stays_within_the_limits(kind):
    holds_for(kind, 50)()


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["position", "velocity"])
def test_ten_thousand_random_sequences_stay_within_the_limits(kind):
    holds_for(kind, 10_000)()


MUTATIONS = {
    "is_finite": ("position", lambda command: True),
    "is_fresh": ("position", lambda command, now_ns, stale_ns: True),
    "is_commander": ("position", lambda command, commander: True),
    "is_near": ("position", lambda command, position, near: True),
    "clip_range": ("position", lambda target, limits: target),
    "braking": ("position", lambda distance, limits, period_s: distance / period_s),
    "clip_speed": ("position", lambda velocity, limits: velocity),
    "clip_acceleration": ("position", lambda velocity, before, limits, period_s: velocity),
    "stop_in_range": ("velocity", lambda velocity, position, limits, period_s: velocity),
}


HARD = [
    [(((tuple(START), 0, "worker"), None), 1), (((far, age_ns, source), None), 150)]
    for far in ((2.5, 200.0), (-150.0, 0.0), (math.nan, 20.0))
    for age_ns in (0, STALE_NS + 1)
    for source in ("worker", "teleop")
]
HARD += [[(((near, 0, "worker"), None), 40)] for near in ((2.0, 60.0), (0.5, 100.0))]
HARD += [[*sequence, (((tuple(START), 0, "worker"), None), 60)] for sequence in HARD]
"""Sequences in which every rule is needed."""


@pytest.mark.parametrize("kind", ["position", "velocity"])
def test_hard_sequences_stay_within_the_limits(kind):
    assert [broken(kind, sequence) for sequence in HARD] == [""] * len(HARD)


@pytest.mark.parametrize("rule", MUTATIONS)
def test_without_any_one_of_the_rules_a_promise_is_broken(rule, monkeypatch):
    kind, identity = MUTATIONS[rule]
    monkeypatch.setattr(safety, rule, identity)
    assert any(broken(kind, sequence) for sequence in HARD)


def stepped(rules, command, now_ns, count=1, source="worker"):
    for _ in range(count):
        now_ns += PERIOD_NS
        sent = rules.step(
            None if command is None else Command(np.array(command), now_ns, source), now_ns, rules.position
        )
    return sent, now_ns


def test_a_target_is_reached_without_overshoot_and_held():
    rules = Safety(LIMITS, "position", PERIOD_NS)
    rules.begin(START)
    now_ns, seen = 0, []
    for _ in range(200):
        sent, now_ns = stepped(rules, [1.0, 60.0], now_ns)
        seen.append(sent.values)
    assert seen[-1].tolist() == pytest.approx([1.0, 60.0])
    assert np.max(seen, axis=0).tolist() == pytest.approx([1.0, 60.0])


def test_a_silent_policy_makes_the_robot_hold_where_it_is():
    rules = Safety(LIMITS, "position", PERIOD_NS)
    rules.begin(START)
    _, now_ns = stepped(rules, [1.0, 60.0], 0, 40)
    before = rules.position
    sent, now_ns = stepped(rules, None, now_ns, 70)
    assert sent.stale
    assert rules.velocity.tolist() == [0.0, 0.0]
    # The distance that it takes to stop at 90 per second with 150 per second squared.
    assert 0 < sent.values[1] - before[1] < 90**2 / (2 * 150) + 1


def test_after_a_hold_only_a_near_command_resumes_and_the_motion_is_ramped():
    rules = Safety(LIMITS, "position", PERIOD_NS)
    rules.begin(START)
    sent, now_ns = stepped(rules, [-1.0, 100.0], 0)
    assert (sent.refused, sent.values.tolist()) == ("far", START.tolist())
    sent, now_ns = stepped(rules, [0.5, 30.0], now_ns)
    assert sent.refused == ""
    assert 0 < sent.values[1] - START[1] <= 150 * PERIOD_S**2 + LOOSE
    sent, now_ns = stepped(rules, [0.5, 100.0], now_ns)
    assert sent.refused == ""


def test_a_second_commander_is_refused_and_counted_until_the_first_falls_silent():
    rules = Safety(LIMITS, "position", PERIOD_NS)
    rules.begin(START)
    _, now_ns = stepped(rules, START, 0)
    sent, now_ns = stepped(rules, START, now_ns, 5, source="teleop")
    assert sent.refused == "commander"
    assert rules.refused == {"commander": 5}
    _, now_ns = stepped(rules, None, now_ns, STALE_NS // PERIOD_NS + 1)
    sent, _ = stepped(rules, START, now_ns, source="teleop")
    assert sent.refused == ""


def test_velocities_go_to_zero_when_the_policy_is_silent():
    rules = Safety(LIMITS, "velocity", PERIOD_NS)
    rules.begin(START)
    sent, now_ns = stepped(rules, [1.0, 50.0], 0, 40)
    assert sent.values.tolist() == [1.0, 50.0]
    sent, _ = stepped(rules, None, now_ns, 40)
    assert sent.values.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("rate_hz", "stale_s"), [(1000, 0.1), (60, 0.1), (20, 0.2), (2, 0.5)])
def test_a_command_is_stale_after_four_periods_within_bounds(rate_hz, stale_s):
    assert stale_after_ns(round(1e9 / rate_hz)) == pytest.approx(stale_s * 1e9)


def test_missing_limits_are_refused_by_the_names_of_the_joints():
    joints = {"pan": JOINTS["pan"], "elbow": JointParams(range=(0, 1)), "wrist": JointParams(speed=1.0)}
    with pytest.raises(NodeError, match=r"elbow \(speed, acceleration\), wrist \(range, acceleration\)"):
        Limits.of(joints)
