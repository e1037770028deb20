"""Chunks of actions as users launch them: verified, and continued from a world checkpoint."""

import json

import pytest

from rtgraph.launch.bags.verification import verify
from rtgraph.launch.cli import main
from rtgraph.msgs import Applied
from rtgraph.msgs.bag import Bag

CHUNKS = ["delay", "workers=3", "latency_frames=2", "chunk=4", "likely=true"]
VIRTUAL = ["--world", "virtual", "--no-plots"]
CATCH = [
    "catch",
    "observe=positions",
    "rows=5",
    "columns=3",
    "hidden=16",
    "workers=1",
    "latency_frames=2",
    "chunk=2",
]
AWARE = ["tracking", "workers=1", "latency_frames=4", "chunk=4", "delay_aware=pending", "batch=8", "hidden=8"]


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


@pytest.mark.parametrize("arguments", [[*CHUNKS, "chunk_overlap=none"], [*AWARE, "minimum=20"]])
def test_a_world_goes_on_from_a_checkpoint_in_the_middle_of_a_chunk(tmp_path, arguments):
    launched = ["launch", *arguments, *VIRTUAL]
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


def test_a_network_learns_chunks_and_plays_them(tmp_path, capsys):
    learning = [
        "batch=32",
        "updates_per_tick=0.5",
        "minimum=100",
        "epsilon_over=400",
        "gamma=0.9",
        "learning_rate=0.003",
    ]
    out = ["--ticks", "1000", "--seed", "3", "--out", str(tmp_path / "s")]
    assert main(["launch", *CATCH, *learning, *VIRTUAL, *out]) == 0
    capsys.readouterr()
    played = ["--episodes", "50", "--seed", "1", "--json", "--out", str(tmp_path / "played")]
    assert main(["evaluate", str(tmp_path / "s"), *CATCH, *played]) == 0
    assert json.loads(capsys.readouterr().out)["return"]["mean"] > 0.5, "at random it is below 0"
    assert main(["evaluate", str(tmp_path / "s"), *CATCH[:-1], *played]) == 2
    assert "was written for another plant" in " ".join(capsys.readouterr().err.split())


def test_a_network_with_chunks_knows_its_pending_actions_and_is_verified(tmp_path):
    out = ["--record", "--ticks", "120", "--out", str(tmp_path / "s")]
    assert main(["launch", *AWARE, "minimum=20", *VIRTUAL, *out]) == 0
    summary = json.loads((tmp_path / "s" / "summary.json").read_text())
    assert summary["learning"]["updates"] > 10
    assert (summary["inaction"], summary["age_ticks"]["mean"]) == (0, 5.5)
    assert summary["pending"] == {"slots": 4, "known": 4.0, "share": 1.0}
    found = verify(Bag.open(tmp_path / "s" / "session.mcap"), ["learner", "replay", "plant"])
    assert {verdict.outcome for verdict in found.nodes} == {"same"}


def test_one_process_that_alternates_has_no_chunks(tmp_path, capsys):
    out = [*VIRTUAL, "--ticks", "5", "--out", str(tmp_path / "s")]
    assert main(["launch", *CATCH, "agent=infer_learn", *out]) == 2
    assert "chunk is only for agent=staggered and agent=single" in " ".join(capsys.readouterr().err.split())
