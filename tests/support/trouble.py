"""Nodes for tests of running launches: one that records what it sees, and several that cause problems."""

from __future__ import annotations

import json
import os
import threading
from typing import Any, ClassVar

import numpy as np

from rtgraph.msgs import Applied, Decision, Message
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime import Input, Node, Output, Params, latest, lossless, queue


class Number(Message):
    value: int
    padding: bytes = b""


class Witness(Node[Params]):
    """Writes and flushes a line for each decision and each tick, so that a test can read it while the graph runs."""

    applied = Input(Applied, queue(4096), optional=True)
    decision = Input(Decision, queue(4096), many=True, optional=True)

    def on_start(self) -> None:
        directory = self.context.launch_context.directory
        assert directory is not None
        self._file = open(directory / "witness.jsonl", "a", buffering=1)  # noqa: SIM115 - open for the node's lifetime

    def on_applied(self, tick: Applied) -> None:
        self._write(tick=tick.tick, by=tick.by, incarnation=tick.header.incarnation, worker=tick.worker)

    def on_decision(self, decision: Decision) -> None:
        lineage = decision.header.lineage
        self._write(
            decision=decision.number,
            worker=decision.worker,
            incarnation=decision.header.incarnation,
            observed=None if lineage is None else lineage.tick,
        )

    def _write(self, **seen: Any) -> None:
        self._file.write(json.dumps(seen) + "\n")


class FailsToPrepare(Node[Params]):
    def on_prepare(self) -> None:
        raise RuntimeError("there is no such robot\nanywhere")


class FailsToStart(Node[Params]):
    def on_start(self) -> None:
        raise RuntimeError("there is no such camera")


class FailsToStop(Node[Params]):
    def on_stop(self) -> None:
        raise RuntimeError("the last page cannot be written")


class Sluggish(Node[Params]):
    """Prepares slowly."""

    def on_prepare(self) -> None:
        threading.Event().wait(20)


class Raises(Node[Params]):
    """Fails at every message."""

    applied = Input(Applied, latest)

    def on_applied(self, _: Applied) -> None:
        raise ValueError("what is this?")


class Misuses(Node[Params]):
    """Fails at a message with an error of rtgraph that does not name the node."""

    applied = Input(Applied, latest)

    def on_applied(self, _: Applied) -> None:
        raise NodeError("the lens is dirty")


class Leaves(Node[Params]):
    """Starts processes in its session and in another one, ends neither, and fails at tick 50 of its first life."""

    applied = Input(Applied, latest)

    def on_prepare(self) -> None:
        # A Popen would warn when it is collected.
        os.posix_spawnp("sleep", ["sleep", "97"], os.environ)
        os.posix_spawnp("sleep", ["sleep", "98"], os.environ, setsid=True)

    def on_start(self) -> None:
        self.log.info("it goes")

    def on_applied(self, tick: Applied) -> None:
        if tick.tick >= 50 and self.context.identity.incarnation == 0:
            raise ValueError("enough")


class Forks(Node[Params]):
    """Leaves a copy of itself behind, in another session and with another parent, as daemons do."""

    def on_prepare(self) -> None:
        if os.fork() == 0:
            if os.fork() == 0:
                os.setsid()
                threading.Event().wait(60)
            os._exit(0)
        os.wait()


class RaisesOnce(Node[Params]):
    """Fails at tick 50."""

    applied = Input(Applied, latest)

    def on_applied(self, tick: Applied) -> None:
        if tick.tick == 50:
            raise ValueError("what\nis this?")


class Exits(Node[Params]):
    """Ends its process as if nothing was wrong."""

    applied = Input(Applied, latest)

    def on_applied(self, _: Applied) -> None:
        raise SystemExit(0)


class SaysNumbers(Node[Params]):
    """Returns numpy numbers as its result."""

    def result(self) -> dict[str, Any]:
        return {
            "mean": np.float32(1.5),
            "worst": float("nan"),
            "by_lane": (np.int64(3), np.float64("inf")),
            "sure": np.bool_(True),
        }


class SaysNonsense(Node[Params]):
    def result(self) -> dict[str, Any]:
        return {"seen": {"names": {1, 2}}}


class Seven:
    """A policy that always answers 7."""

    def act(self, observation: object) -> int:
        return 7


class Hangs(Node[Params]):
    """Never returns from its first message."""

    applied = Input(Applied, latest)

    def on_applied(self, _: Applied) -> None:
        while True:
            pass


class FloodParams(Params):
    burst: int = 40
    bytes_each: int = 100
    most: int | None = None


class Flood(Node[FloodParams]):
    """Publishes as fast as possible, in bursts, and a few messages for lossless subscribers."""

    stop_rank: ClassVar[int] = 0
    number = Output(Number)
    rare = Output(Number)

    def on_start(self) -> None:
        self._next = 0
        self._padding = bytes(self.params.bytes_each)
        self.every(1_000_000, self._publish)

    def _publish(self) -> None:
        for _ in range(self.params.burst):
            if self._next == self.params.most:
                return
            self.number.publish(Number(value=self._next, padding=self._padding))
            self._next += 1
        self.rare.publish(Number(value=self._next))

    def result(self) -> dict[str, Any]:
        return {"sent": self._next}


class Sink(Node[Params]):
    """Reads the newest number now and then, and reports at the end what it read and what its input counted."""

    number = Input(Number, latest)
    rare = Input(Number, lossless)

    def on_start(self) -> None:
        self._taken = 0
        self._newest = -1
        self._behind = False
        self.every(5_000_000, self._take)

    def on_rare(self, number: Number) -> None:
        behind_ns = self.now_ns - number.header.stamp_ns
        if behind_ns > 1_000_000_000:
            self._behind = True
        elif self._behind and behind_ns < 200_000_000:
            self._behind = False
            self.log.info("caught up")

    def on_stop(self) -> None:
        self._take()

    def _take(self) -> None:
        message = self.number.take()
        if message is not None:
            assert message.value > self._newest
            self._taken += 1
            self._newest = message.value

    def result(self) -> dict[str, Any]:
        (edge,) = self.number.edges.values()
        return {
            "taken": self._taken,
            "newest": self._newest,
            "received": edge.received,
            "lost": edge.lost,
            "overwritten": edge.overwritten,
        }
