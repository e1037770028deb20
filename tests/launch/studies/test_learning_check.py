"""Whether agents learn at all is one sentence, which follows from two intervals."""

from __future__ import annotations

import pytest

from rtgraph.launch.studies.learning_check import learning_shown


@pytest.mark.parametrize(
    ("learned", "random", "said"),
    [
        ([3, 5], [1, 2.5], "Learning is shown: greedy without delay 4 [3, 5], random 1.75 [1, 2.5]"),
        ([3, 5], [1, 3], "Learning is not shown at this budget: greedy without delay 4 [3, 5], random 2 [1, 3]"),
        ([3], [1, 2], "Learning is not shown with one seed: greedy without delay 3, random 1.5 [1, 2]"),
        ([], [1], "Learning is not checked: its rows are missing"),
    ],
)  # fmt: skip
def test_learning_is_shown_only_by_intervals_that_do_not_overlap(
    learned: list[float], random: list[float], said: str
) -> None:
    rows = [
        {"method": method, "delay": delay, "greedy": value}
        for method, delay, values in (("paced", 1, learned), ("random", 1, random), ("paced", 8, [9, 9]))
        for value in values
    ]
    undelayed = {"method": "paced", "delay": "1"}
    assert learning_shown(rows, "greedy", learned=undelayed, random={"method": "random"}) == said
