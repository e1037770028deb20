"""Launches in the virtual world from the command line: the same plan and seed give the same bytes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rtgraph.launch.cli import main

COMMAND = Path(sys.executable).with_name("rtgraph")


def launched(out: Path, *arguments: str) -> dict[str, object]:
    assert main(["launch", *arguments, "--world", "virtual", "--out", str(out)]) == 0
    return json.loads((out / "summary.json").read_text())


def launched_apart(out: Path, *arguments: str) -> None:
    """Launch in a process with nothing in it but this launch."""
    ended = subprocess.run(
        [COMMAND, "launch", *arguments, "--world", "virtual", "--out", out],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("boxing", "k=0.0625", "workers=6", "--ticks", "60"),
        pytest.param(("gymnasium", "--ticks", "200"), marks=pytest.mark.soak),
        ("delay", "lanes=8", "--ticks", "100", "--no-plots"),
    ],
    ids=["boxing", "gymnasium", "delay"],
)
def test_two_processes_and_two_folders_give_the_same_bytes(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    launched_apart(tmp_path / "one", *arguments, "--seed", "5")
    launched_apart(tmp_path / "elsewhere" / "two", *arguments, "--seed", "5")
    launched(tmp_path / "other", *arguments, "--seed", "6", "--no-plots")
    one, two, other = (contents(tmp_path / name) for name in ("one", "elsewhere/two", "other"))
    assert one.keys() >= {"plan.yaml", "summary.json", "trace.npz"}
    assert ("plots/timeline.png" in one) == ("--no-plots" not in arguments)
    assert one == two
    assert other["trace.npz"] != one["trace.npz"]


def test_nothing_in_a_virtual_session_tells_where_or_when_it_ran(tmp_path: Path) -> None:
    launched(tmp_path / "here", "endless", "--ticks", "60", "--no-plots")
    for name, data in contents(tmp_path / "here").items():
        assert str(tmp_path).encode() not in data, name


def test_the_summary_has_what_is_promised(tmp_path: Path) -> None:
    summary = launched(tmp_path / "s", "endless", "workers=2", "--ticks", "200", "--no-plots")
    assert summary["ticks"] == 200
    assert summary["true_rate_hz"] == 10**9 / 16_666_667, "a tick takes a whole number of ns"
    assert summary["tick_rate_hz"] == pytest.approx(summary["true_rate_hz"], rel=1e-12)
    assert abs(summary["tick_rate_error"]) < 1e-8
    assert set(summary["tick_lateness_ms"]) == {"p50", "p99", "max"}
    assert summary["overruns"] == 0
    assert 0 <= summary["inaction"] <= 1
    for name in ("age_ticks", "age_ms"):
        assert set(summary[name]) == {"mean", "sd", "p50", "p99"}
    assert set(summary["decisions"]) == {"made", "applied", "overwritten", "late", "dropped", "refused"}
    assert set(summary["interval_ticks"]) == {"mean", "sd"}
    assert {name: set(figures) for name, figures in summary["inference_ms"].items()} == {
        "worker/0": {"p50", "p99", "count"},
        "worker/1": {"p50", "p99", "count"},
    }
    assert set(summary["lost"].values()) == {0}
    assert summary["restarts"] == {}


def test_a_crash_by_seed_is_survived_and_told(tmp_path: Path) -> None:
    (tmp_path / "faulty.yaml").write_text(
        "graphs: [{graph: endless}]\n"
        "faults: [{kind: crash, node: worker/2, at_ns: 1000000000, restart_after_ns: 50000000}]\n"
    )
    summary = launched(tmp_path / "s", str(tmp_path / "faulty.yaml"), "--ticks", "300", "--no-plots")
    assert summary["restarts"] == {"worker/2": 1}
    with np.load(tmp_path / "s" / "trace.npz") as trace:
        assert (np.diff(trace["tick_tick"]) == 1).all()
        assert (trace["tick_by"][200:] == 0).all(), "the policy acts on every tick again"


def test_a_session_folder_is_never_written_over(tmp_path: Path, capsys) -> None:
    launched(tmp_path / "s", "endless", "--ticks", "30", "--no-plots")
    capsys.readouterr()
    again = ["launch", "endless", "--world", "virtual", "--ticks", "30", "--out", str(tmp_path / "s")]
    assert main(again) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "holds a session already" in said
    assert "hint:" in said
