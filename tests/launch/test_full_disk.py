"""Results that cannot be written: one line per file, and the table is still printed."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rtgraph.launch.cli import main
from rtgraph.launch.world.virtual_run import VirtualWorld
from rtgraph.nodes.metrics.columns import EPISODES, UPDATES
from rtgraph.nodes.metrics.table import Table

Limit = Callable[[int], None]
Captured = pytest.CaptureFixture[str]
LAUNCH = ["launch", "endless", "--world", "virtual", "--ticks", "30", "--no-plots"]


def fills(monkeypatch: pytest.MonkeyPatch, full_disk: Limit) -> None:
    """Make the disk full as soon as the world runs."""
    run = VirtualWorld.run

    def when_it_is_full(world: VirtualWorld, *given: Any) -> None:
        full_disk(0)
        logging.getLogger("rtgraph.worker").warning("the disk is full now")
        run(world, *given)

    monkeypatch.setattr(VirtualWorld, "run", when_it_is_full)


@pytest.mark.parametrize(
    ("more", "first"),
    [
        (["--no-record"], "trace.npz"),
        ([], "session.mcap"),
        (["--no-record", "--checkpoint-every", "0.2"], "world/000001.world"),
    ],
)
def test_a_disk_that_fills_up_in_virtual_time_costs_files_and_no_table(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
    full_disk: Limit,
    more: list[str],
    first: str,
) -> None:
    out = tmp_path / "out"
    fills(monkeypatch, full_disk)
    assert main([*LAUNCH, *more, "--out", str(out)]) == 1
    said = capsys.readouterr()
    assert "Traceback" not in said.err + said.out
    for file in (first, "logs/world.log", "summary.json"):
        assert f"{out / file} cannot be" in said.err
    assert re.search(r"ticks +│ +\d", said.out), "the figures are not lost with the files"
    assert f"  {out}" in said.out
    assert sorted(path.name for path in out.iterdir() if path.stat().st_size == 0) == []
    assert not list(out.rglob("*partial*"))


def test_a_plan_that_cannot_be_written_leaves_no_session(
    tmp_path: Path, capsys: Captured, full_disk: Limit
) -> None:
    full_disk(0)
    assert main([*LAUNCH, "--out", str(tmp_path / "out")]) == 1
    assert "cannot write the session folder" in capsys.readouterr().err
    assert not (tmp_path / "out" / "plan.yaml").exists()


@pytest.fixture
def learned(tmp_path: Path) -> Path:
    folder = tmp_path / "learned"
    folder.mkdir()
    row = dict.fromkeys(EPISODES, 1) | {"plant": "plant"}
    Table(EPISODES, [tuple(row[name] for name in EPISODES)]).write(folder / "episodes.csv")
    Table(UPDATES).write(folder / "updates.csv")
    return folder


def test_a_picture_that_cannot_be_written_is_one_line(
    learned: Path, tmp_path: Path, capsys: Captured, full_disk: Limit
) -> None:
    (tmp_path / "file").touch()
    for out, why in ((tmp_path / "file" / "x.png", "File exists"), (tmp_path / "x.svg", "File too large")):
        if why == "File too large":
            full_disk(100)
        assert main(["plot", "learning", str(learned), "--out", str(out)]) == 1
        said = capsys.readouterr().err
        assert said.startswith("error: ")
        assert f"cannot be written: {why}" in said
    assert sorted(os.listdir(tmp_path)) == ["file", "learned"]


def test_a_drawing_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: Captured, full_disk: Limit
) -> None:
    full_disk(100)
    out = tmp_path / "graph.svg"
    assert main(["graph", "endless", "--out", str(out)]) == 1
    assert capsys.readouterr().err == (
        f"error: {out} cannot be written: File too large. hint: raise the limit on the size of files, or write elsewhere\n"
    )
    assert not list(tmp_path.iterdir())
