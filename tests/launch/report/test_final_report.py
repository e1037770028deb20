"""The warnings at the end of a launch."""

import pytest

from rtgraph.launch.report.final_report import _refusals_of_robots

SUMMARY = {
    "nodes": {
        "left/plant": {"robot": {"refused": {"far": 3, "fault": 1}}},
        "right/plant": {"robot": {"refused": {}}},
        "policy": {"moves": 2},
    }
}


@pytest.mark.parametrize(
    ("plant", "why"), [("", "3 far, 1 fault"), ("left/plant", "3 far, 1 fault"), ("right/plant", "")]
)
def test_what_a_robot_refused_is_told_by_its_reasons(plant, why):
    assert _refusals_of_robots(SUMMARY, plant) == why
