"""Chunks of actions as users launch them: verified, and continued from a world checkpoint."""

import json

import pytest

from rtgraph.launch.bags.verification import verify
from rtgraph.launch.cli import main
from rtgraph.msgs import Applied
from rtgraph.msgs.bag import Bag

CHUNKS = ["delay", "workers=3", "latency_frames=2", "chunk=4", "likely=true"]
VIRTUAL = ["--world", "virtual", "--no-plots"]


@pytest.mark.parametrize(("overlap", "places", "averaged"), [("none", 4, {0}), ("average", 1, {0, 2, 3, 4})])
def test_workers_and_plant_are_verified(tmp_path, overlap, places, averaged):
    out = ["--record", "--ticks", "40", "--out", str(tmp_path / "s")]
    assert main(["launch", *CHUNKS, f"chunk_overlap={overlap}", *VIRTUAL, *out]) == 0
    bag = Bag.open(tmp_path / "s" / "session.mcap")
    applied = [recorded.message() for recorded in bag.messages(topics=["applied"])]
    acted = [m for m in applied if isinstance(m, Applied) and m.by == "policy"]
    assert {m.place for m in acted} == set(range(places))
    assert {m.averaged for m in acted} == averaged
    assert {verdict.outcome for verdict in verify(bag).nodes} == {"same"}


def test_a_world_goes_on_from_a_checkpoint_in_the_middle_of_a_chunk(tmp_path):
    launched = ["launch", *CHUNKS, "chunk_overlap=none", *VIRTUAL]
    assert main([*launched, "--ticks", "60", "--out", str(tmp_path / "whole")]) == 0
    # Chunks begin at ticks 2, 6 and so on: after 33 ticks, and every 12 ticks, one of its actions or more are left.
    first = ["--ticks", "33", "--checkpoint-every", "0.2", "--out", str(tmp_path / "first")]
    assert main([*launched, *first]) == 0
    resumed = ["launch", "--resume-world", str(tmp_path / "first"), "--ticks", "60", "--no-plots"]
    assert main([*resumed, "--out", str(tmp_path / "resumed")]) == 0
    whole, again = (
        json.loads((tmp_path / name / "summary.json").read_text()) for name in ("whole", "resumed")
    )
    assert (again["reward"], again["decisions"]) == (whole["reward"], whole["decisions"])
    assert whole["inaction"] == 0
