"""The content of the status line, and how it is cut to the width."""

from __future__ import annotations

import pytest

from rtgraph.launch.console.progress_line import ProgressLine, compact, fitted
from rtgraph.msgs import LearningProgress, Progress, RobotState

ACTING = Progress(
    tick=444_321, episode=60, inaction=0.004, age_ticks=6.1, lateness_most_ms=0.3, overruns=0, reward=3.0
)
LEARNING = LearningProgress(
    tick=1_444_322,
    episodes=61,
    return_mean=-12.345,
    explored=0.052,
    loss=0.012345,
    updates_per_s=15.0,
    version=111_080,
    staleness=1.24,
    transitions=99_900,
)


def test_all_of_it():
    line = ProgressLine(ticks=1_000_000)
    assert line.total == 1_000_000
    line.update(ACTING.model_copy(update={"tick": 400_000}))
    assert "left" not in line.render(7000.0, 10.0)[1], "how quickly it goes is not known yet"
    for message in (ACTING, LEARNING):
        line.update(message)
    done, text = line.render(7405.0, 370.0)
    assert done == 444_321
    assert text.split("  ") == [
        "tick 444k/1M",
        "1:15:14 left",
        "return −12.3 #61",
        "loss 0.0123",
        "15 upd/s",
        "v111k lag 1.2",
        "ε 5%",
        "replay 99.9k",
        "inaction 0.4%",
        "age 6.1",
        "late ≤ 0.30 ms",
        "reward +3",
    ]
    # All parts about learning fit on a line of 120 with the name, the time and spaces.
    shown = fitted(text, 120 - len("boxing") - 10)
    assert shown.endswith("replay 99.9k")


def test_the_state_of_a_robot_and_its_reason():
    line = ProgressLine()
    line.update(RobotState(state="fault", reason="get_observation: no reply", since_ns=0))
    assert line.render(5.0, 5.0)[1] == "fault: get_observation: no reply  5.0 s"
    line.update(RobotState(state="running", since_ns=0))
    assert line.render(5.0, 5.0)[1] == "running  5.0 s"


def test_what_is_not_known_is_left_out():
    line = ProgressLine()
    assert line.total is None
    assert line.render(1.5, 1.0) == (0.0, "1.5 s")
    line.update(LearningProgress(tick=5, episodes=0))
    assert line.render(1.5, 1.0) == (0.0, "1.5 s")
    line.update(ACTING)
    assert line.render(1.5, 1.0)[1].startswith("tick 444,321  inaction 0.4%")


def test_a_duration_is_counted_up_to():
    line = ProgressLine(ticks=10, duration_s=100.0)
    assert line.total == 100.0
    line.render(5.0, 6.0)
    assert line.render(25.0, 30.0) == (25.0, "1:30 left  25.0 s")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (9_999, "9999"),
        (10_000, "10k"),
        (12_345, "12.3k"),
        (999_499, "999k"),
        (999_500, "1M"),
        (1_000_000, "1M"),
        (1_234_567, "1.23M"),
        (2_000_000_000, "2G"),
    ],
)
def test_counts_in_few_characters(number, text):
    assert compact(number) == text


@pytest.mark.parametrize(
    ("width", "shown"), [(100, "one  two  three"), (15, "one  two  three"), (14, "one  two"), (2, "one")]
)
def test_whole_parts_are_left_out(width, shown):
    assert fitted("one  two  three", width) == shown
