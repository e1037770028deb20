"""Weights that change while a graph runs, in both worlds: nodes act with complete versions, and announce them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.launching import FILES, Launch, until
from support.sessions import RECORDING, recorded

from rtgraph.graphs import Plan, load_launch
from rtgraph.launch.bags.verification import verify
from rtgraph.launch.bags.verified_weights import RecordedWeights
from rtgraph.msgs.bag import Bag
from rtgraph.nodes.recorder.journals import NodeJournal
from rtgraph.nodes.runtime import LaunchContext, RunLimits, VirtualWorld
from rtgraph.nodes.runtime.checkpoint.files import SnapshotFile
from rtgraph.nodes.runtime.checkpoint.snapshot import WorldSaver, load
from rtgraph.nodes.weights.weights import Weights

VERSIONS = str(FILES / "versions.yaml")


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    out = tmp_path_factory.mktemp("versions") / "session"
    assert recorded(VERSIONS, out).code == 0
    return out


def summary_of(session: Path):
    return json.loads((session / "summary.json").read_text())


def test_workers_act_with_the_newest_version_and_say_with_which(session):
    summary = summary_of(session)
    assert summary["nodes"]["learner"] == {"published": 240, "skipped": 0, "version": 240}
    checked = summary["nodes"]["checker"]
    assert checked["decisions"] == summary["decisions"]["made"] > 200
    assert checked["wrong"] == 0
    assert checked["versions"] > 200
    for worker in ("worker/0", "worker/1", "worker/2"):
        told = summary["nodes"][worker]["policy_versions"]
        assert told["first"] <= 3
        assert told["last"] >= 235
        assert told["switches"] > 70
        assert told["missed"] == 0
    # An inference takes 2.3 ticks, and each one sees a new version.
    assert summary["staleness_versions"] == {"mean": 2.0, "p50": 2.0, "p99": 2.0}


def test_the_same_run_gives_the_same_bytes(session, tmp_path):
    recorded(VERSIONS, tmp_path / "again")
    for name in (RECORDING, "summary.json"):
        assert (tmp_path / "again" / name).read_bytes() == (session / name).read_bytes()


def test_what_acted_with_versions_that_are_gone_is_not_called_the_same(session):
    found = verify(Bag.open(session / RECORDING))
    assert not found.passed
    assert not found.differences
    outcomes = {verdict.node: verdict for verdict in found.nodes}
    for name, verdict in outcomes.items():
        if name.startswith("worker/"):
            assert verdict.outcome == "unverifiable"
            assert "switched to versions of its weights that were not kept" in verdict.note
        else:
            assert verdict.outcome == "same", (name, verdict.note)


def test_what_began_with_a_later_version_is_not_called_the_same_either(session):
    bag = Bag.open(session / RECORDING)
    plan = Plan.from_yaml(bag.plan_yaml)
    weights = RecordedWeights(bag, plan)
    nodes = {node.name: node for node in plan.nodes}
    for name, life, problem in (
        ("worker/0", 0, ""),
        ("worker/0", 1, "it began with a version of its weights that was not kept"),
        ("plant", 1, ""),
    ):
        assert weights.problem(NodeJournal(name, life), nodes[name]) == problem


def test_weights_changed_in_place_need_no_slots(tmp_path):
    recorded(VERSIONS, tmp_path / "shared", {"sharing": "shared"}, ticks=60)
    checked = summary_of(tmp_path / "shared")["nodes"]["checker"]
    assert checked["versions"] > 30


def test_a_world_goes_on_from_a_checkpoint_with_the_versions_that_it_had(tmp_path):
    plan = load_launch(VERSIONS, world="virtual", seed=3, record=False)

    def world():
        weights = {name: Weights(name, entry) for name, entry in plan.weights.items()}
        return VirtualWorld(
            plan.nodes, seed=3, launch_context=LaunchContext(limits=RunLimits(ticks=150), weights=weights)
        )

    through, resumed = world(), world()
    through.run(keeper=WorldSaver(tmp_path, 2 * 10**9, {}))
    load(resumed, SnapshotFile(tmp_path / "000001.world"))
    assert resumed.clock.now_ns() < through.clock.now_ns()
    resumed.run()
    assert resumed.results() == through.results()
    assert resumed.results()["checker"]["versions"] > 100


def test_whoever_is_killed_nobody_acts_with_half_a_version() -> None:
    with Launch.of("versions", "witness=true", "--duration", "3", "--world", "realtime") as launch:
        launch.runs()
        mapped = launch.process("worker/0")
        for node in ("worker/1", "learner"):
            killed = launch.kill(node)
            until(lambda: launch.process(node) not in (0, killed), 20, f"{node} is back")  # noqa: B023
        assert "memfd:rtgraph-policy" in Path(f"/proc/{mapped}/maps").read_text()
        launch.wait()
        summary = launch.summary()
        assert set(summary["restarts"]) == {"worker/1", "learner"}
        checked = summary["nodes"]["checker"]
        assert checked["wrong"] == 0
        assert checked["versions"] > 10
        assert summary["staleness_versions"]["p50"] <= 30
        assert summary["nodes"]["worker/0"]["policy_versions"]["switches"] > 3
    # The memory never had a name, so it is gone with the processes.
    assert not [name for name in os.listdir("/dev/shm") if "rtgraph" in name]  # noqa: S108


def test_whoever_of_a_relay_is_killed_nobody_acts_with_half_a_version() -> None:
    with Launch.of("relay", "witness=true", "--duration", "3", "--world", "realtime") as launch:
        launch.runs()
        for node in ("sender", "receiver", "learner"):
            killed = launch.kill(node)
            until(lambda: launch.process(node) not in (0, killed), 20, f"{node} is back")  # noqa: B023
        launch.wait()
        summary = launch.summary()
    assert set(summary["restarts"]) == {"sender", "receiver", "learner"}
    assert summary["nodes"]["checker"]["wrong"] == 0
    assert summary["nodes"]["receiver"]["received"] > 3
    assert summary["nodes"]["worker/0"]["policy_versions"]["switches"] > 3
