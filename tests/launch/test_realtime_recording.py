"""Recording, playing and verifying real processes, and killing the recorder."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from support.launching import Launch, until
from support.stalls import Stalls

from rtgraph.launch.bags.verification import verify
from rtgraph.launch.cli import main
from rtgraph.msgs.bag import Bag

pytestmark = pytest.mark.timeout(120)

RECORDING = "session.mcap"
NODES = ("plant", "worker/*", "coordinator", "monitor")


def rtgraph(launch: Launch, *arguments: str) -> str:
    """Run another command during a launch; return its output."""
    with Launch(*arguments, base=launch.base) as command:
        assert command.wait() == 0, command.stderr
        return command.stdout


def size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def topics(bag: Bag) -> dict[str, int]:
    found: dict[str, int] = {}
    for channel, count in bag.counts.items():
        found[channel.topic] = found.get(channel.topic, 0) + count
    return found


def test_a_recording_of_real_processes_is_whole_and_is_verified(tmp_path: Path) -> None:
    with Launch.of("watched", "workers=3", "--record", "--ticks", "150") as launch:
        assert launch.wait() == 0, launch.stderr
        bag = Bag.open(launch.session / RECORDING)
        assert bag.complete
        assert bag.losses is not None
        assert bag.losses.lost == 0
        assert topics(bag)["observation"] == topics(bag)["applied"] == 150
        declared = {(row.publisher, row.channel): row.declared for row in bag.losses.streams}
        assert declared["plant", "observation"] == 150
        found = verify(bag, NODES)
        assert found.passed, found.as_json()
        assert {verdict.node for verdict in found.nodes} >= {"plant", "worker/0", "worker/1", "worker/2"}
        chosen = json.loads(
            rtgraph(launch, "bag", "verify", str(launch.session), "--nodes", "worker/*", "--json")
        )
        assert chosen["passed"]
        assert [verdict["node"] for verdict in chosen["nodes"]] == ["worker/0", "worker/1", "worker/2"]


@pytest.mark.process
def test_a_recorder_that_is_killed_loses_no_more_than_the_last_moment() -> None:
    flush_s = 0.2
    with (
        Stalls() as stalls,
        Launch.of("watched", "--recorder", f"flush_s={flush_s}", "--duration", "60") as launch,
    ):
        launch.runs()
        first = launch.session / RECORDING
        until(lambda: size(first) > 50_000, 20, "much is recorded")
        seen = max(message["tick"] for message in launch.witnessed() if "tick" in message)
        launch.kill("session/recorder")
        second = launch.session / "session-1.mcap"
        until(lambda: size(second) > 50_000, 20, "a new life of the recorder records")
        launch.interrupt()
        # Messages between its two lives are lost, and reported.
        assert launch.popen.returncode in (128 + signal.SIGINT, 3)
        cut, following = Bag.open(first), Bag.open(second)
        assert not cut.complete
        assert following.complete
        ticks = [message.message().tick for message in cut.messages(topics=["observation"])]
        assert ticks == list(range(len(ticks)))
        assert ticks[-1] >= seen - (flush_s + 0.3) * 60
        after = [message.message().tick for message in following.messages(topics=["observation"])]
        assert after == list(range(after[0], after[0] + len(after)))
        assert following.losses is not None
        # Only messages between its two lives; none that the first life recorded.
        (observed,) = [row for row in following.losses.streams if row.channel == "observation"]
        assert observed.lost == after[0] - ticks[-1] - 1
        assert observed.lost > 0
        launch.ticked_on(stalls)
        found = verify(cut, NODES)
        assert not any(verdict.outcome == "different" for verdict in found.nodes), found.as_json()


@pytest.mark.process
def test_a_recorder_that_stands_still_holds_nobody_up_and_misses_nothing() -> None:
    with Stalls() as stalls, Launch.of("watched", "--record", "--duration", "60") as launch:
        launch.runs()
        stopped = launch.kill("session/recorder", signal.SIGSTOP)
        before = sum("tick" in message for message in launch.witnessed())
        until(
            lambda: sum("tick" in message for message in launch.witnessed()) > before + 180, 20, "3 s go by"
        )
        os.kill(stopped, signal.SIGCONT)
        launch.interrupt()
        bag = Bag.open(launch.session / RECORDING)
        assert bag.complete
        assert bag.losses is not None
        assert bag.losses.lost == 0
        launch.ticked_on(stalls)


@pytest.mark.process
def test_a_running_graph_can_be_recorded_from_outside_and_a_player_steered(monkeypatch, capsys) -> None:
    def position() -> Any:
        text = said("topic", "echo", "play_progress", "--count", "1", "--json")
        return json.loads(text.splitlines()[0])["fields"] if text else None

    def said(*arguments: str) -> str:
        """Run a verb in this process: a dozen Python processes would take seconds to start."""
        assert main(arguments) == 0
        return capsys.readouterr().out

    with Launch.of("watched", "--duration", "60") as launch:
        launch.runs()
        file = launch.base / "look.mcap"
        given = ("--duration", "2", "--out", str(file), "--exclude", "_*", "--json")
        assert json.loads(rtgraph(launch, "bag", "record", *given))["lost"] == 0
        with Launch("bag", "record", "--exclude", "*", base=launch.base) as nothing:
            assert nothing.wait() == 1
            assert (
                "no topic of watched is left to record: --exclude leaves out every chosen topic"
                in nothing.stderr
            )
        launch.interrupt()
        described: dict[str, Any] = json.loads(rtgraph(launch, "bag", "info", str(file), "--json"))
        rates = {topic["topic"]: topic["rate_hz"] for topic in described["topics"]}
        assert rates["observation"] == pytest.approx(60, rel=0.05)
        assert described["complete"]
        with Launch(
            "bag", "play", str(file), "--paused", "--loop", "--rate", "0.5", base=launch.base
        ) as player:
            monkeypatch.setenv("XDG_RUNTIME_DIR", str(player.runtime))
            until(lambda: "session" in player.stderr or "look" in player.stderr, 30, "the player runs")
            until(lambda: position() is not None, 10, "it tells where it is")
            assert position()["paused"]
            said("bag", "ctl", "step", "3")
            assert position()["played"] == 3
            said("bag", "ctl", "step", "--ticks", "2")
            stood = position()
            assert stood["played"] >= 5
            assert stood["paused"]
            said("bag", "ctl", "seek", "1.0")
            assert position()["position_s"] == pytest.approx(1.0, abs=0.01)
            said("bag", "ctl", "rate", "4")
            said("bag", "ctl", "resume")
            until(lambda: position()["round"] >= 2, 20, "it goes round and round")
            player.interrupt()


@pytest.mark.process
def test_a_ring_buffer_is_kept_when_it_is_told_to() -> None:
    with Launch.of("watched", "--recorder", "keep_s=1", "--duration", "60") as launch:
        launch.runs()
        before = sum("tick" in message for message in launch.witnessed())
        until(
            lambda: sum("tick" in message for message in launch.witnessed()) > before + 120, 20, "2 s go by"
        )
        rtgraph(launch, "bag", "keep", "--reason", "look at this")
        until(lambda: list(launch.session.glob("session_0.mcap")), 5, "it is kept")
        launch.interrupt()
        bag = Bag.open(launch.session / "session_0.mcap")
        assert bag.info["ring.reason"] == "look at this"
        assert 0.9e9 <= bag.end_ns - bag.start_ns <= 1.1e9
