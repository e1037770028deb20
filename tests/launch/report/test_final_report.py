"""Warnings about refused decisions: which reasons they name, and which need none."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtgraph.launch.report.final_report import _refusals

LOGS = Path("logs")


def robot(**refused: int) -> dict:
    return {"robot": {"refused": refused}}


@pytest.mark.parametrize(
    ("refused", "by_reason", "warnings"),
    [
        (3, {}, ["3 decisions were refused: the plant does not accept their actions. hint: see logs"]),
        (40, {"homing": 30, "estop": 8, "fault": 2}, []),
        (
            12,
            {"far": 10, "stale": 2},
            ["12 commands were refused by the robot's safety rules: 10 far, 2 stale"],
        ),
        (
            9,
            {"homing": 5, "far": 1},
            [
                "3 decisions were refused: the plant does not accept their actions. hint: see logs",
                "1 commands were refused by the robot's safety rules: 1 far",
            ],
        ),
        (None, {}, []),
    ],
)
def test_reasons_are_named_and_waiting_is_no_mistake(refused, by_reason, warnings):
    summary = {"nodes": {"plant": robot(**by_reason), "learner": {}}}
    figures = {"decisions": {"refused": refused}}
    assert list(_refusals("", figures, summary, LOGS)) == warnings


def test_each_plant_has_its_own_reasons():
    summary = {"nodes": {"left/plant": robot(far=2), "right/plant": robot(far=5)}}
    figures = {"decisions": {"refused": 2}}
    assert list(_refusals("left", figures, summary, LOGS)) == [
        "2 commands were refused by the robot's safety rules: 2 far"
    ]
