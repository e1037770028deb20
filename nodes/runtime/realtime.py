"""The realtime world, as one node sees it: its own process, real sockets, the wall clock.

The loop takes in what has come, then makes the calls that are due, then waits until something comes or is due. A
busy node (one that spends time) goes on taking in, so that its inboxes are overwritten as they should be, and stays
within reach of the launcher.
"""

from __future__ import annotations

import heapq
import logging
import resource
import select
import traceback
from pathlib import Path
from typing import Any

import zmq

from rtgraph.msgs import Message, PlantSpec, Record
from rtgraph.msgs.system import EdgeReport, Failed, Finish, Go, Heartbeat, Probe, Proven, Ready, Statistics, Stop
from rtgraph.nodes.runtime.bus import Bus, BusPlan
from rtgraph.nodes.runtime.clock import WallClock
from rtgraph.nodes.runtime.context import Identity, Limits, Surroundings, Timer
from rtgraph.nodes.runtime.control import ControlClient
from rtgraph.nodes.runtime.executor import Executor
from rtgraph.nodes.runtime.host import private_bytes, process_id, sharpen_timers
from rtgraph.nodes.runtime.ports import BoundOutput
from rtgraph.nodes.runtime.weights import Weights, mapped
from rtgraph.nodes.runtime.wiring import NodePlan, load_class, validated_params

HEARTBEAT_NS = 500_000_000
LONGEST_WAIT_S = 0.5
LAST_WORDS_NS = 2_000_000_000
LINGER_MS = 1000

log = logging.getLogger("rtgraph.realtime")


class WeightsPlan(Record):
    """Weights that a process inherits: what they are of, and the descriptor of the memory they are in."""

    name: str
    network: dict[str, Any]
    plant: PlantSpec
    seed: int
    descriptor: int


class NodeConfig(Record):
    """All that a node's process is told."""

    plan: NodePlan
    incarnation: int
    seed: int
    control: str
    bus: BusPlan
    ticks: int | None = None
    directory: str | None = None
    weights: tuple[WeightsPlan, ...] = ()
    scheduling: str = "normal"


class RealtimeNode:
    """Runs one node in this process until the launcher stops it."""

    def __init__(self, config: NodeConfig, scheduling: str) -> None:
        plan = config.plan
        self.clock = WallClock()
        self._config = config
        self._scheduling = scheduling
        self._timers: list[tuple[int, int, int, Timer]] = []
        self._scheduled = 0
        self._began = False
        self._stop: Stop | None = None
        node_type = load_class(plan.node)
        self._executor = Executor(
            self,
            Identity(plan.name, plan.replica, plan.replicas, config.incarnation),
            node_type,
            validated_params(node_type, plan.params),
            index=plan.index,
            seed=config.seed,
            surroundings=_surroundings(config),
        )
        self._node = self._executor.node
        self._zmq = zmq.Context()
        self._control = ControlClient(self._zmq, config.control, f"{plan.name}#{config.incarnation}")
        self._bus = Bus(self._zmq, self._node, config.bus)

    def run(self) -> int:
        """Run from the barrier to the stop. Return the process's exit code."""
        try:
            sharpen_timers()
            self._executor.prepare()
            self._say(Ready(node=self._node.name, incarnation=self._config.incarnation, pid=process_id()))
            self._loop()
            self._executor.stop()
            self._say(self._statistics())
        except Exception as error:  # whatever a node's code raises is told to the launcher, then the process ends
            log.error("%s failed:\n%s", self._node.name, traceback.format_exc())
            self._say(
                Failed(
                    node=self._node.name,
                    incarnation=self._config.incarnation,
                    problem=f"{type(error).__name__}: {error}",
                )
            )
            return 1
        finally:
            self._bus.close(LINGER_MS)
            self._control.close()
            self._zmq.term()
        return 0

    # What the executor asks of its world.

    def schedule(self, executor: Executor, timer: Timer) -> None:
        """Schedule a call."""
        self._scheduled += 1
        heapq.heappush(self._timers, (timer.due_ns, timer.urgency, self._scheduled, timer))

    def transmit(self, executor: Executor, output: BoundOutput[Any], message: Message, key: str | None) -> None:
        """Publish a message."""
        self._bus.publish(output.name, message, key)

    def finish(self, executor: Executor, reason: str) -> None:
        """Ask the launcher to stop everything."""
        self._say(Finish(node=executor.identity.name, reason=reason))

    # The loop.

    def _loop(self) -> None:
        descriptors = [self._control.descriptor, *self._bus.descriptors]
        heartbeat_ns = 0
        while True:
            now_ns = self.clock.now_ns()
            if now_ns >= heartbeat_ns:
                heartbeat_ns = now_ns + HEARTBEAT_NS
                self._say(self._heartbeat())
            more, probes = self._bus.receive(self._executor.deliver if self._began else None)
            for probe in probes:
                self._say(
                    Proven(node=self._node.name, port=probe.port, publisher=probe.publisher, nonce=probe.nonce)
                )
            self._obey()
            if self._stop is not None and self._heard_out(self._stop):
                return
            if self._began:
                self._make_due_calls()
            if not more:
                self._wait(descriptors, heartbeat_ns)

    def _make_due_calls(self) -> None:
        timers = self._timers
        now_ns = self.clock.now_ns()
        while timers and timers[0][0] <= now_ns:
            self._executor.fire(heapq.heappop(timers)[3])

    def _wait(self, descriptors: list[int], heartbeat_ns: int) -> None:
        until_ns = heartbeat_ns
        if self._began and self._timers:
            until_ns = min(until_ns, self._timers[0][0])
        wait_s = (until_ns - self.clock.now_ns()) / 1e9
        if wait_s > 0:
            select.select(descriptors, [], [], min(wait_s, LONGEST_WAIT_S))

    def _obey(self) -> None:
        """Do what the launcher says."""
        while (message := self._control.receive()) is not None:
            if isinstance(message, Probe):
                self._bus.probe(message.nonce)
            elif isinstance(message, Go):
                self.clock.epoch_ns = message.epoch_ns
                self._began = True
                self._executor.start()
            elif isinstance(message, Stop):
                self._stop = message

    def _heard_out(self, stop: Stop) -> bool:
        """Say whether all that was published for the lossless inputs has come in, or will not come any more."""
        if self.clock.now_ns() > stop.deadline_ns - LAST_WORDS_NS // 2:
            return True
        for name, port in self._node.inputs.items():
            if port.port.policy.depth is not None:
                continue
            for publisher, sent in stop.sent.get(name, {}).items():
                edge = port.edges.get(publisher)
                if sent and (edge is None or edge.next_sequence < sent):
                    return False
        return not any(port.inbox for port in self._node.inputs.values() if port.handler and not self._executor.busy)

    def _say(self, message: Message) -> None:
        self._control.send(message)

    def _heartbeat(self) -> Heartbeat:
        return Heartbeat(
            node=self._node.name,
            incarnation=self._config.incarnation,
            busy=self._executor.busy,
            received=sum(edge.received for port in self._node.inputs.values() for edge in port.edges.values()),
            sent=sum(sum(output.sent.values()) for output in self._node.outputs.values()),
        )

    def _statistics(self) -> Statistics:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return Statistics(
            node=self._node.name,
            incarnation=self._config.incarnation,
            sent={
                name if key is None else f"{name}:{key}": count
                for name, output in self._node.outputs.items()
                for key, count in output.sent.items()
            },
            edges=edge_reports(self._executor),
            scheduling=self._scheduling,
            memory_bytes=private_bytes(),
            cpu_s=used.ru_utime + used.ru_stime,
            result=self._node.result(),
        )


def edge_reports(executor: Executor) -> list[EdgeReport]:
    """Return what became of each publisher's messages at each input of a node."""
    return [
        EdgeReport(
            port=name,
            publisher=publisher,
            received=edge.received,
            lost=edge.lost,
            overwritten=edge.overwritten,
            refused=edge.refused,
        )
        for name, port in executor.node.inputs.items()
        for publisher, edge in sorted(port.edges.items())
    ]


def _surroundings(config: NodeConfig) -> Surroundings:
    return Surroundings(
        realtime=True,
        limits=Limits(ticks=config.ticks),
        directory=Path(config.directory) if config.directory is not None else None,
        weights={
            plan.name: Weights(plan.name, plan.network, plan.plant, plan.seed, mapped(plan.descriptor))
            for plan in config.weights
        },
    )
