"""Where a driver runs, and what is known of one in a separate process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rtgraph.nodes.robot.connection.link_params import LinkParams
from rtgraph.nodes.robot.driver import TimedDriver, TorqueDriver
from rtgraph.nodes.robot.process.driver import end_kept
from rtgraph.nodes.robot.process.isolation import device_driver, start_process

TESTS = Path(__file__).parents[3]
DRIVERS = "support.placed_drivers"


@pytest.mark.parametrize(
    ("name", "isolated", "apart"),
    [
        ("Timed", None, True),
        ("Timed", False, False),
        ("Within", None, False),
        ("Within", True, True),
        ("Inherits", None, True),
        ("AlreadyApart", None, True),
    ],
)
def test_a_driver_runs_in_a_separate_process_unless_its_own_class_or_the_graph_says_otherwise(
    name: str, isolated: bool | None, apart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    link = LinkParams(isolated=isolated)
    try:
        start_process(f"{DRIVERS}:{name}", {}, link)
        driver = device_driver(f"{DRIVERS}:{name}", {}, link)
        driver.connect()
        process = int(driver.get_observation()["pan.pos"])
        assert (process != os.getpid()) == apart
        assert isinstance(driver, TimedDriver)
        assert driver.ages_ns() == {"pan.pos": 2_000_000}
        assert not isinstance(driver, TorqueDriver)
        driver.disconnect()
    finally:
        end_kept()
