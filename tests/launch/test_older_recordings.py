"""Recordings made before ticks took whole ns: 12 ticks of `endless workers=1 latency_frames=1` in each world."""

from __future__ import annotations

import lzma
from pathlib import Path

import numpy as np
import pytest

from rtgraph.launch.bags.verification import verify
from rtgraph.launch.cli import main
from rtgraph.msgs.bag import Bag
from rtgraph.nodes.recorder.provenance import TIME_BASE_FACT

FILES = Path(__file__).parent / "files"
NODES = {"plant", "coordinator", "monitor", "worker/0"}


@pytest.fixture
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / "session.mcap"
    file.write_bytes(lzma.decompress((FILES / f"older_{request.param}.mcap.xz").read_bytes()))
    return file


both_worlds = pytest.mark.parametrize("older", ["virtual", "realtime"], indirect=True)


@both_worlds
def test_one_opens_and_exports(older: Path, tmp_path: Path) -> None:
    bag = Bag.open(older)
    assert bag.complete
    assert TIME_BASE_FACT not in bag.info
    assert sum(channel.topic == "applied" and count == 12 for channel, count in bag.counts.items()) == 1
    assert main(["bag", "export", str(older), "--to", "npz", "--out", str(tmp_path / "run.npz")]) == 0
    with np.load(tmp_path / "run.npz") as run:
        due_ns = run["applied/due_ns"]
    assert due_ns.tolist() == [tick * 10**9 // 60 for tick in range(12)]


@both_worlds
def test_one_plays_in_the_place_of_its_plant(older: Path, tmp_path: Path) -> None:
    arguments = ["endless", "workers=1", "--world", "virtual", "--no-plots", "--out", str(tmp_path / "again")]
    assert main(["launch", *arguments, "--replay", str(older), "--replace", "plant"]) == 0
    again = Bag.open(tmp_path / "again" / "session.mcap")
    assert {channel.topic: count for channel, count in again.counts.items()}["decision"] > 0
    assert TIME_BASE_FACT in again.info


@pytest.mark.parametrize(
    ("older", "comparable"),
    [("virtual", set()), ("realtime", {"coordinator", "monitor", "worker/0"})],
    indirect=["older"],
)
def test_what_hangs_on_its_times_is_not_comparable_and_all_else_is_verified(
    older: Path, comparable: set[str]
) -> None:
    found = verify(Bag.open(older))
    assert {verdict.node for verdict in found.nodes} == NODES
    assert {verdict.node for verdict in found.nodes if verdict.outcome == "same"} == comparable
    for verdict in found.nodes:
        if verdict.node not in comparable:
            assert verdict.outcome == "unverifiable"
            assert verdict.note.startswith("not comparable: another version of rtgraph recorded it")
    assert found.messages > 50
    assert not found.differences
    assert not found.passed
