"""kill -9 of every kind of process."""

from __future__ import annotations

import os
import signal
from typing import Any

import numpy as np
import pytest
from support.launching import PERIOD_NS, Launch, state_of, until
from support.stalls import Stalls

pytestmark = [pytest.mark.process, pytest.mark.timeout(90)]


def decisions(launch: Launch, worker: str, incarnation: int) -> list[dict[str, Any]]:
    return [
        seen
        for seen in launch.witnessed()
        if "decision" in seen and seen["worker"] == worker and seen["incarnation"] == incarnation
    ]


def test_nothing_outlives_a_launcher_that_is_killed_at_any_moment() -> None:
    with Launch.of("watched") as first:
        first.runs()  # what it has made is not what the others leave
        with Launch.of("watched", base=first.base, fresh=True) as killed:
            until(lambda: killed.process("fork server"), 10.0, "the server starts, before there is a plan")
            assert not killed.stderr
            kill_the_launcher(killed)
        for moment in ("importing", "starting", "testing"):
            with Launch.of("watched", base=first.base, leaves_runtime=True, fresh=True) as killed:
                killed.says(moment)
                kill_the_launcher(killed)
        kill_the_launcher(first)
        # The next launch removes what the killed ones left.
        assert len(list(first.runtime.glob("rtgraph-*"))) >= 1
        with Launch.of("watched", "--ticks", "5", base=first.base) as following:
            assert following.wait() == 0
        assert not list(first.runtime.glob("rtgraph-*"))


def kill_the_launcher(launch: Launch) -> None:
    launch.popen.kill()
    launch.wait()
    until(lambda: not launch.processes(), 2.0, "every process of the graph ended")


def test_killed_nodes_are_back_and_the_plant_never_misses_a_tick() -> None:
    with Stalls() as stalls, Launch.of("watched", "workers=6", "latency_frames=5.3") as launch:
        launch.runs()
        before = launch.kill("worker/1")
        until(lambda: decisions(launch, "worker/1", 1), 2.0, "worker/1 decides again")
        assert launch.process("worker/1") not in (0, before)

        # In the middle of an inference: stopped while known to be busy, then killed.
        until(lambda: decisions(launch, "worker/3", 0), 2.0, "worker/3 decides")
        launch.kill("worker/3")
        until(lambda: decisions(launch, "worker/3", 1), 2.0, "worker/3 decides again")

        server = launch.kill("fork server")
        until(lambda: launch.process("fork server") not in (0, server), 5.0, "there is a new fork server")
        launch.kill("worker/2")
        until(lambda: decisions(launch, "worker/2", 1), 10.0, "worker/2 decides again")

        launch.kill("coordinator")
        launch.says("coordinator killed by signal 9: restarting")
        until(lambda: "incarnation 1" in launch.log("coordinator"), 5.0, "the coordinator is back")
        made = len(list(launch.witnessed()))
        until(lambda: len(list(launch.witnessed())) > made + 60, 5.0, "decisions go on")
        assert launch.interrupt() < 5
        assert launch.wait() == 130
        launch.ticked_on(stalls)
        assert launch.summary()["restarts"] == {
            "worker/1": 1,
            "worker/2": 1,
            "worker/3": 1,
            "coordinator": 1,
            "fork server": 1,
        }


def test_workers_run_free_without_the_coordinator_and_obey_it_again() -> None:
    def observed() -> list[int]:
        return [seen["observed"] for seen in launch.witnessed() if "decision" in seen]

    with Stalls() as stalls, Launch.of("watched", "workers=4", "latency_frames=3.3") as launch:
        launch.runs()
        launch.kill("coordinator", signal.SIGSTOP)
        until(lambda: "inferring without staggering" in launch.log("worker/0"), 3.0, "worker/0 runs free")
        made = len(observed())
        until(lambda: len(observed()) > made + 40, 5.0, "decisions go on without the coordinator")
        launch.kill("coordinator", signal.SIGCONT)

        def paced() -> bool:
            # Claimed observations go to one worker only; free-running workers share them.
            newest = observed()[-60:]
            return len(observed()) > made + 100 and len(set(newest)) == len(newest)

        until(paced, 10.0, "each observation is claimed for one worker again")
        launch.interrupt()
        launch.ticked_on(stalls)


def test_a_killed_plant_comes_back_at_the_right_tick() -> None:
    with Launch.of("watched") as launch:
        launch.runs()
        launch.kill("plant")

        def acted() -> bool:
            return any(s.get("by") == "policy" and s["incarnation"] == 1 for s in launch.witnessed())

        until(acted, 4.0, "the policy acts on the plant that came back")
        launch.interrupt()
        trace = launch.trace()
        ticks, due_ns = trace["tick_tick"], trace["tick_due_ns"]
        # Tick k is at k periods of the graph's time, before and after.
        assert np.abs(due_ns - ticks * PERIOD_NS).max() < 2
        gaps = np.diff(ticks)
        assert (gaps > 1).sum() == 1
        assert gaps.max() < 60
        assert launch.summary()["restarts"] == {"plant": 1}


def test_what_a_killed_monitor_missed_is_counted_as_lost() -> None:
    with Launch.of("watched", "--duration", "4") as launch:
        launch.runs()
        launch.kill("monitor")
        until(lambda: "incarnation 1" in launch.log("monitor"), 5.0, "the monitor is back")
        assert launch.wait() == 3
        assert "warning: watched: messages to lossless inputs were lost" in launch.stderr
        summary = launch.summary()
        first = launch.trace()["tick_tick"][0]
        assert summary["lost"]["plant -> monitor.applied"] == first > 0
        assert summary["restarts"] == {"monitor": 1}


def test_a_node_that_stands_still_slows_nobody() -> None:
    with Stalls() as stalls, Launch.of("flood") as launch:
        until(lambda: "incarnation 0" in launch.log("sink"), 40, "the sink is ready")
        launch.says("flood ...")
        sink = launch.kill("sink", signal.SIGSTOP)
        until(lambda: state_of(sink) == "T", 2.0, "the sink stands still")
        launch.says("sink has sent no heartbeat for", 10)
        os.kill(sink, signal.SIGCONT)
        launch.says("sink sends heartbeats again")
        until(lambda: "caught up" in launch.log("sink"), 20, "the sink has caught up")
        launch.interrupt()
        launch.ticked_on(stalls)
        summary = launch.summary()
        counted, sent = summary["nodes"]["sink"], summary["nodes"]["flood"]["sent"]
        assert counted["lost"] > 0
        assert counted["received"] + counted["lost"] == counted["newest"] + 1
        assert counted["taken"] + counted["overwritten"] == counted["received"]
        assert counted["newest"] < sent
        # A lossless input receives everything, however long its node was stopped.
        assert summary["lost"]["flood -> sink.rare"] == 0
        assert summary["silent_s"].keys() == {"sink"}
        assert summary["restarts"] == {}
