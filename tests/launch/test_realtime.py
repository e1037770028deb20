"""Whole launches: nothing is lost, memory is shared, and overwritten messages are counted."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from support.launching import FILES, TESTS, Launch, until

from rtgraph.graphs import load_launch
from rtgraph.launch.console.status import Silent
from rtgraph.launch.process.launcher import Launcher
from rtgraph.launch.session import Session

pytestmark = pytest.mark.timeout(100)

WORKERS = 71


@pytest.mark.process
def test_what_wants_everything_has_everything(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    workers = WORKERS
    arguments = {"workers": str(workers), "latency_frames": "60"}
    plan = load_launch(str(FILES / "watched.yaml"), arguments, duration_s=3.0)
    outcome = Launcher(plan, Session.create(plan, tmp_path / "out"), Silent()).run()
    assert outcome.failures == []
    assert outcome.restarts == {}
    assert outcome.silent_s == {}
    assert outcome.reason == "the duration is over"
    assert outcome.statistics.keys() == {node.name for node in plan.nodes}
    outputs = {"decision": "decision", "applied": "applied", "episode": "episode", "ending": "ending"}
    received = {(edge.publisher, edge.port): edge for edge in outcome.statistics["monitor"].edges}
    assert len(received) == workers + 3
    for (publisher, port), edge in received.items():
        sent = outcome.statistics[publisher].sent.get(outputs[port], 0)
        assert (edge.received, edge.lost, edge.overwritten, edge.refused) == (sent, 0, 0, 0), publisher
    assert sum(edge.received for edge in received.values()) > 200
    # On a quiet graph even inputs that may lose messages lose none.
    assert all(edge.lost == 0 for statistics in outcome.statistics.values() for edge in statistics.edges)


@pytest.mark.process
def test_a_flood_is_counted_to_the_last_message() -> None:
    with Launch.of("flood", "--duration", "3") as launch:
        assert launch.wait() == 0, launch.stderr
        summary = launch.summary()
        counted, sent = summary["nodes"]["sink"], summary["nodes"]["flood"]["sent"]
        assert sent > 10_000
        assert counted["overwritten"] > counted["taken"] > 0
        assert counted["taken"] + counted["overwritten"] == counted["received"]
        assert counted["received"] + counted["lost"] == counted["newest"] + 1 <= sent
        assert summary["overwritten"]["flood -> sink.number"] == counted["overwritten"]
        assert summary["lost"]["flood -> sink.number"] == counted["lost"]
        assert summary["lost"]["flood -> sink.rare"] == 0


def mappings(process: int, name: str) -> dict[str, int]:
    """Return the sums of a process's mappings with a name, in KiB by kind."""
    found: dict[str, int] = {}
    ours = False
    for line in Path(f"/proc/{process}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            ours = name in line
        elif ours and line.endswith(" kB"):
            kind, size, _ = line.split()
            found[kind[:-1]] = found.get(kind[:-1], 0) + int(size)
    return found


@pytest.mark.process
@pytest.mark.parametrize("count", [6, pytest.param(WORKERS, marks=pytest.mark.soak)])
def test_workers_share_one_copy_of_the_weights(count: int) -> None:
    with Launch.of("pong", f"workers={count}") as launch:
        until(lambda: launch.stderr.endswith("pong ...\n") or launch.popen.poll() is not None, 60, "it runs")
        workers = [
            number for number, title in launch.processes().items() if title.startswith("rtgraph: worker/")
        ]
        assert len(workers) == count
        for worker in workers:
            weights = mappings(worker, "memfd:rtgraph-policy")
            assert weights["Rss"] > 0
            assert weights["Private_Clean"] + weights["Private_Dirty"] == 0
            assert weights["Shared_Clean"] + weights["Shared_Dirty"] == weights["Rss"]
        assert launch.interrupt(signal.SIGINT) < 5
        assert launch.wait() == 130
        # The memory never had a name, so it is gone with its processes (their end is checked below).
        assert not list(Path("/dev/shm").glob("*rtgraph*"))  # noqa: S108
        assert sum(launch.summary()["lost"].values()) == 0


@pytest.mark.parametrize("world", [pytest.param("realtime", marks=pytest.mark.process), "virtual"])
def test_what_a_lossless_input_still_held_at_the_end_is_lost(world: str) -> None:
    with Launch.of("backlog", "--world", world, "--duration", "0.5", "--no-record") as launch:
        assert launch.wait() == 3, launch.stderr
        summary = launch.summary()
        unread = summary["unread"]
        if world == "realtime":  # in virtual time a run ends at its exact instant
            assert unread.keys() == {"source -> slow.ping"}
        assert 300 < unread["source -> slow.ping"] < 400
        assert set(summary["lost"].values()) == {0}
        total = sum(unread.values())
        assert f"warning: backlog: messages were unread when their node stopped: {total:,}" in launch.stderr
        assert "were lost" not in launch.stderr
