"""Broken or interrupted programs: their results are kept, and a failure does not look like success."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest
from support.launching import FILES, Launch, until

from rtgraph.launch.cli import main
from rtgraph.launch.verbs import launch as launch_verb

pytestmark = pytest.mark.timeout(120)

WORLDS = ["realtime", "virtual"]


def log_of(launch: Launch, node: str, world: str) -> str:
    return launch.log("world" if world == "virtual" else node)


def last_line(text: str) -> str:
    return text.splitlines()[-1]


# ---- actions that the plant refuses ----------------------------------------------------------------------------------


@pytest.mark.parametrize("world", WORLDS)
def test_a_launch_in_which_the_plant_takes_no_action_at_all_fails(world: str) -> None:
    with Launch.of("seven", "--world", world, "--ticks", "60") as launch:
        assert launch.wait() == 1, launch.stderr
        summary, log = launch.summary(), log_of(launch, "plant", world)
        refused = summary["decisions"]["refused"]
        assert refused > 20
        assert summary["restarts"] == {}
        assert (summary["inaction"], summary["decisions"]["applied"]) == (1.0, 0)
        assert launch.trace()["tick_refused"].sum() == refused
        assert "of worker: action 7: expected a whole number from 0 to 1" in log
        assert log.count("action 7") == 1, "one line for each worker, not for each decision"
        assert f"refused {refused} decisions of worker in total" in log
        assert f"warning: seven: {refused} decisions were refused" in launch.stderr
        problem = summary["problems"]["plant"]
        assert problem.startswith(
            f"all {refused} decisions were refused, the first: decision 0 of worker: action 7"
        )
        assert f"plant: {problem}" in " ".join(launch.stderr.split())


# ---- results of nodes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("world", WORLDS)
def test_numbers_of_numpy_and_numbers_that_are_none_are_told_as_json(world: str) -> None:
    with Launch.of("trouble", "trouble=SaysNumbers", "--world", world, "--ticks", "30") as launch:
        assert launch.wait() == 0, launch.stderr
        told = launch.summary()["nodes"]["trouble"]
        assert told == {"mean": 1.5, "worst": None, "by_lane": [3, None], "sure": True}


@pytest.mark.parametrize("world", WORLDS)
def test_what_json_cannot_hold_is_told_of_and_costs_nothing_else(world: str) -> None:
    with Launch.of("trouble", "trouble=SaysNonsense", "--world", world, "--ticks", "30") as launch:
        assert launch.wait() == 1
        assert (
            "error: trouble: trouble: NodeError: result()['seen']['names'] is a set, which JSON cannot express. hint: return "
            in last_line(launch.stderr)
        )
        assert "Traceback" not in launch.stderr
        assert "Traceback" in log_of(launch, "trouble", world)
        summary = launch.summary()
        assert summary["ended"] == "plant: 30 ticks"
        assert summary["ticks"] == len(launch.trace()["tick_tick"]) == 30
        assert set(summary["lost"].values()) == {0}


# ---- nodes that fail -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trouble", "problem"),
    [("RaisesOnce", "ValueError: what is this?"), ("Exits", "SystemExit: 0")],
)
def test_what_was_done_before_a_node_failed_in_virtual_time_is_kept(trouble: str, problem: str) -> None:
    with Launch.of("trouble", f"trouble={trouble}", "--world", "virtual", "--ticks", "100") as launch:
        assert launch.wait() == 1
        error = last_line(launch.stderr)
        assert error.startswith("error: trouble: trouble failed at ")
        assert error.endswith(f" ns: {problem}. hint: see out/logs")
        assert "Traceback" not in launch.stderr
        assert "Traceback" in launch.log("world")
        assert "raise SystemExit(0)" in launch.log("world") or "on_applied" in launch.log("world")
        summary = launch.summary()
        assert problem in summary["ended"]
        assert summary["ticks"] == launch.trace()["tick_tick"].size > 0
        assert "out" in launch.stdout.split(), "the folder is named"
        assert (launch.session / "session.mcap").stat().st_size > 0


def test_a_node_that_fails_at_its_end_in_virtual_time_costs_the_others_nothing() -> None:
    with Launch.of("trouble", "trouble=FailsToStop", "--world", "virtual", "--ticks", "30") as launch:
        assert launch.wait() == 1
        assert "trouble failed at" in launch.stderr
        assert "the last page cannot be written" in launch.stderr
        assert launch.summary()["ended"] == "plant: 30 ticks"
        assert launch.trace()["tick_tick"].size == 30


def test_a_node_that_cannot_prepare_in_virtual_time_is_no_session() -> None:
    with Launch.of("trouble", "trouble=FailsToPrepare", "--world", "virtual", "--ticks", "30") as launch:
        assert launch.wait() == 1
        assert "trouble failed at 0 ns: RuntimeError: there is no such robot anywhere" in last_line(
            launch.stderr
        )
        assert "Traceback" in launch.log("world")
        assert not (launch.session / "summary.json").exists()


def test_an_error_of_rtgraph_in_virtual_time_names_the_node_and_is_in_the_summary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    given = ["trouble=Misuses", "--world", "virtual", "--ticks", "30", "--no-plots", "--out", str(out)]
    assert main(["launch", str(FILES / "trouble.yaml"), *given]) == 1
    assert f"error: trouble: trouble: the lens is dirty. hint: see {out}" in capsys.readouterr().err
    summary = json.loads((out / "summary.json").read_text())
    assert summary["down"] == {"trouble": "NodeError: the lens is dirty"}


def test_a_node_that_an_injected_fault_keeps_down_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "crash.yaml", tmp_path / "out"
    file.write_text(
        "world: virtual\nticks: 30\ngraphs: [{graph: endless}]\nfaults: [{kind: crash, node: worker/0, at_ns: 1}]\n"
    )
    assert main(["launch", str(file), "--no-plots", "--out", str(out)]) == 0
    assert "warning: crash: worker/0 was down at the end: a crash was injected" in capsys.readouterr().err
    assert json.loads((out / "summary.json").read_text())["down"] == {"worker/0": "a crash was injected"}


def test_a_node_that_exits_is_a_node_that_failed() -> None:
    with Launch.of("trouble", "trouble=Exits") as launch:
        assert launch.wait() == 1
        assert "trouble failed: SystemExit: 0" in launch.stderr
        assert "warning: trouble: trouble was restarted 5 times: SystemExit: 0" in launch.stderr
        assert launch.summary()["restart_causes"] == {"trouble": "SystemExit: 0"}


def test_what_passed_while_the_plant_was_down_is_told() -> None:
    with Launch.of("watched") as launch:
        launch.runs()
        launch.kill("plant")
        until(
            lambda: any(seen.get("incarnation") == 1 and "by" in seen for seen in launch.witnessed()),
            8,
            "it is back",
        )
        launch.interrupt()
        ticks = launch.trace()
        last, first = (ticks["tick_tick"][ticks["tick_incarnation"] == life] for life in (0, 1))
        summary = launch.summary()
        assert summary["missed"] == first[0] - last[-1] - 1 - summary["slipped"] > 0
        assert "warning: watched: plant was restarted once: killed by signal 9" in launch.stderr
        assert f"warning: watched: {summary['missed']} ticks passed while the plant was down" in launch.stderr


def test_the_figures_of_a_monitor_that_was_restarted_say_where_they_begin() -> None:
    with Launch.of("watched") as launch:
        launch.runs()
        launch.kill("monitor")
        until(lambda: "incarnation 1" in launch.log("monitor"), 8, "the monitor is back")
        made = len(list(launch.witnessed()))
        until(lambda: len(list(launch.witnessed())) > made + 40, 8, "it goes on")
        launch.interrupt()
        first = launch.summary()["first_tick"]
        assert first == launch.trace()["tick_tick"][0] > 0
        assert f"the results and the trace of monitor begin at tick {first}" in launch.stderr


# ---- interrupted runs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_virtual_run_without_a_limit_says_so_and_saves_what_it_did_when_it_is_ended(number: int) -> None:
    with Launch.of("watched", "--world", "virtual") as launch:
        launch.says("warning: this run has no limit")
        until(lambda: any(seen.get("tick", 0) > 100 for seen in launch.witnessed()), 20, "it runs")
        launch.interrupt(number)
        assert launch.wait() == 128 + number
        summary = launch.summary()
        assert summary["ended"] == signal.Signals(number).name
        assert summary["ticks"] == launch.trace()["tick_tick"].size > 100
        assert "inaction" in launch.stdout
        assert "Traceback" not in launch.stderr


@pytest.mark.parametrize("limit", [("--ticks", "20"), ("--duration", "0.5")])
def test_a_virtual_run_with_a_limit_says_nothing_of_it(limit: tuple[str, str]) -> None:
    with Launch.of("watched", "--world", "virtual", *limit) as launch:
        assert launch.wait() == 0
        assert "no limit" not in launch.stderr


# ---- pictures --------------------------------------------------------------------------------------------------------


def test_plots_that_cannot_be_drawn_cost_nothing_else(tmp_path: Path, capsys, monkeypatch) -> None:
    import argparse

    parser = argparse.ArgumentParser()
    launch_verb.configure(parser)
    out = tmp_path / "out"
    given = ["endless", "--world", "virtual", "--ticks", "30", "--no-record", "--out", str(out)]
    printed = []

    def fail(*_: object, **__: object) -> None:
        printed.append(capsys.readouterr().out)
        raise OSError("no space left")

    monkeypatch.setattr("rtgraph.launch.plots.draw", fail)
    assert launch_verb.run(parser.parse_args(given)) == 0
    assert "endless: inaction" in printed[0], "the table comes before the pictures"
    assert "warning: endless: the plots could not be drawn: OSError: no space left" in capsys.readouterr().err
    assert json.loads((out / "summary.json").read_text())["ticks"] == 30


def test_who_does_not_wait_for_the_pictures_has_the_results() -> None:
    with Launch("launch", "endless", "--world", "virtual", "--ticks", "3000", "--out", "out") as launch:
        launch.says("drawing")
        launch.interrupt()
        assert launch.wait() == 130
        assert launch.summary()["ticks"] == 3000
        assert "endless: inaction" in launch.stdout
        assert "Traceback" not in launch.stderr


# ---- two plants ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("world", WORLDS)
def test_two_plants_have_their_own_traces_figures_and_columns(world: str) -> None:
    arguments = ("--world", world, "--duration", "2", "--out", "out")
    with Launch("launch", str(FILES / "duel.yaml"), *arguments) as launch:
        assert launch.wait(90) == 0, launch.stderr  # drawing six pictures computes for seconds
        summary = launch.summary()
        assert set(summary["plants"]) == {"left", "right"}
        assert "ticks" not in summary
        for title, rate_hz in (("left", 60.0), ("right", 30.0)):
            figures = summary["plants"][title]
            assert figures["tick_rate_hz"] == pytest.approx(rate_hz, rel=0.02)
            assert abs(figures["tick_rate_error"]) < 0.02, "compared with its own rate"
            with np.load(launch.session / f"{title}.trace.npz") as trace:
                assert trace["tick_tick"].size == figures["ticks"]
                assert all(name.startswith(f"{title}/") for name in trace["workers"])
            assert set(figures["inference_ms"]) == {f"{title}/worker/0", f"{title}/worker/1"}
            pictures = sorted(path.name for path in (launch.session / "plots" / title).iterdir())
            assert pictures == ["age.png", "lateness.png", "timeline.png"]
            assert f"duel {title}: inaction" in launch.stdout
        assert not list(launch.session.glob("*partial*"))
        assert "duel: messages lost 0, restarts 0" in launch.stdout
