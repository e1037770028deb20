"""The studies, shortened: they run from the command line, and theory and measurement agree."""

from __future__ import annotations

import json

import pytest

from rtgraph.launch.cli import main
from rtgraph.launch.studies import theory
from rtgraph.nodes.emulator.theory import best_delayed_rate, observed_state_rate
from rtgraph.nodes.inference.stagger import stagger_names


def test_staggering_prints_what_is_promised(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(
        [
            "reproduce",
            "staggering",
            "--latencies",
            "const",
            "--workers",
            "6",
            "--seeds",
            "2",
            "--ticks",
            "600",
            "--jobs",
            "1",
            "--json",
        ]
    )
    rows = {row["method"]: row for row in json.loads(capsys.readouterr().out)}
    assert code == 0
    assert set(rows) == set(stagger_names())
    assert {"method", "latency", "workers", "inaction", "age_mean", "age_sd", "wasted"} <= set(rows["paced"])
    # By hand: workers in step answer together, so one tick in 5.3 has a decision; paced workers answer every tick.
    assert rows["none"]["inaction"] == pytest.approx(1 - 1 / 5.3, abs=0.01)
    assert rows["paced"]["inaction"] == 0
    assert rows["paced"]["age_mean"] == 6
    assert rows["maximum_time"]["inaction"] == 0


def test_an_unknown_method_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "staggering", "--methods", "pacd"]) == 2
    assert "no method 'pacd'" in capsys.readouterr().err


@pytest.mark.parametrize("delay", [1, 2, 8])
def test_the_delay_environment_earns_what_theory_says(delay: int) -> None:
    for policy, rate in (
        ("observed state", observed_state_rate(0.9, delay)),
        ("best delayed", best_delayed_rate(0.9, delay)),
    ):
        case = theory.TheoryRun("delay", policy, 0.9, delay, 1, rate, observed_state_rate(0.9, delay), 300)
        assert theory.run_case(case).measured == pytest.approx(rate, rel=0.02)


def test_aiming_ahead_beats_acting_on_the_observed_state() -> None:
    rates = {}
    for policy in ("observed state", "best delayed"):
        case = theory.TheoryRun("delay", policy, 0.5, 5, 1, 0.0, 0.0, 100)
        rates[policy] = theory.run_case(case).measured
    assert rates["best delayed"] > 5 * rates["observed state"]


@pytest.mark.parametrize("interval", [1, 2, 5])
def test_the_inaction_environment_earns_the_acting_share(interval: int) -> None:
    case = theory.TheoryRun("inaction", "policy", None, interval, interval, 1 / interval, 1 / interval, 500)
    assert theory.run_case(case).measured == pytest.approx(1 / interval, rel=0.01)
