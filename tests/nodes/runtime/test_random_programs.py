"""Random programs in both worlds: a subscriber sees what was published, or there is one clear error."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples
from support.host import HandHost
from support.launching import until
from support.programs import STEP_NS, LatestReceiver, Receiver, Sender
from support.staggered import plan

from rtgraph.msgs.errors import WorldError
from rtgraph.nodes.runtime import LaunchContext, VirtualWorld
from rtgraph.nodes.runtime.interface.edges import EdgeCount, Tapped
from rtgraph.nodes.runtime.realtime.bus import Bus, BusPlan
from rtgraph.nodes.runtime.virtual.faults import CrashFault, EdgeFault

PROGRAMS = 20
STEPS = 2
SEEDS = st.integers(0, 2**32 - 1)


def plans_of(rng, crashing):
    """Return the plans of a graph with one sender that runs all programs; some crash at a random step."""
    crash_at = int(rng.integers(PROGRAMS * STEPS)) if crashing else None
    seed = int(rng.integers(2**32))
    sender = {"seed": seed, "programs": PROGRAMS, "steps": STEPS, "crash_at": crash_at}
    journal = bool(rng.integers(2))
    nodes = [
        ("sender", "Sender", sender, "parcel", {}),
        ("writer", "Receiver", {"writes": True}, "", {"parcel": ["sender"]}),
        ("reader", "Receiver", {}, "", {"parcel": ["sender"]}),
        ("slow", "QueueReceiver", {"spends_ns": 3 * STEP_NS}, "", {"parcel": ["sender"]}),
        ("late", "LatestReceiver", {"spends_ns": 2 * STEP_NS, "writes": True}, "", {"parcel": ["sender"]}),
        ("echo", "Echo", {}, "echo", {"parcel": ["sender"]}),
        ("second", "EchoReceiver", {"writes": True}, "", {"echo": ["echo"]}),
    ]
    order = rng.permutation(len(nodes))
    plans = [
        plan(place, name, f"support.programs:{kind}", params, outputs, inputs, journal=journal)
        for place, (name, kind, params, outputs, inputs) in enumerate(nodes[number] for number in order)
    ]
    tapped = tuple(
        Tapped(publisher=name, node=f"support.programs:{kind}", port=outputs, topic=outputs)
        for name, kind, _, outputs, _ in nodes
        if outputs
    )
    wire = plan(len(plans), "wire", "support.programs:Wire", {}, "", {}, taps={"everything": tapped})
    return [*plans, wire] if rng.integers(2) else plans


@examples(100)
@given(seed=SEEDS)
def test_in_the_virtual_world_all_see_what_was_published(seed):
    rng = np.random.default_rng(seed)
    crashing = rng.random() < 0.2
    faults = []
    if rng.random() < 0.3:
        faults.append(EdgeFault(target="reader", duplicate=0.3, delay_most_ns=2 * STEP_NS))
    if rng.random() < 0.2:
        name = str(rng.choice(["sender", "writer", "echo"]))
        at_ns = int(rng.integers(PROGRAMS * STEPS)) * STEP_NS
        faults.append(CrashFault(node=name, at_ns=at_ns, restart_after_ns=3 * STEP_NS))
    world = VirtualWorld(
        plans_of(rng, crashing),
        seed=int(seed),
        launch_context=LaunchContext(),
        faults=faults,
    )
    failed = contextlib.nullcontext()
    if crashing and not faults:
        failed = pytest.raises(WorldError, match=r"sender failed at .* ns: RuntimeError: crash of sender")
    elif crashing:  # it may have been restarted before its crash
        failed = contextlib.suppress(WorldError)
    with failed:
        world.run()
    for name, executor in world.executors.items():
        assert executor.node.wrong == [], name
    sender, reader = world.node("sender"), world.node("reader")
    if not faults and not crashing:
        assert len(reader.seen) >= sender.sent > 0
        assert sender.sent + sender.refused == PROGRAMS * STEPS


class BusProgram:
    """A sender and receivers on real sockets in one process: messages leave in ZeroMQ's own time."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rounds = folder, 0
        self.context = zmq.Context()

    def run(self, seed: int) -> None:
        self.rounds += 1
        name = f"sender-{self.rounds}"
        plain, everything = (f"ipc://{self.folder}/{name}{end}" for end in ("", "-all"))
        launch_context = LaunchContext(realtime=True)
        params = {"seed": seed, "programs": PROGRAMS, "steps": STEPS}
        sender = HandHost(Sender, params, name=name, launch_context=launch_context)
        receivers = [
            HandHost(kind, {"writes": writes}, name=f"receiver-{number}", launch_context=launch_context)
            for number, (kind, writes) in enumerate(
                [(Receiver, False), (Receiver, True), (LatestReceiver, False)]
            )
        ]
        buses = [
            Bus(
                self.context,
                sender.node,
                BusPlan(
                    plain=plain, lossless=everything, topics={"parcel": "parcel"}, wanted_lossless=("parcel",)
                ),
            )
        ]
        for host in receivers:
            own = f"ipc://{self.folder}/{name}-{host.node.name}"
            connect = {"parcel": (plain if isinstance(host.node, LatestReceiver) else everything,)}
            plan_ = BusPlan(
                plain=own, lossless=f"{own}-all", topics={}, inputs={"parcel": "parcel"}, connect=connect
            )
            buses.append(Bus(self.context, host.node, plan_))
        sender.transmit = lambda _, output, message, key: buses[0].publish(output.name, message, key)
        try:
            self._prove(buses)
            for host in (sender, *receivers):
                host.begin()
            for _ in range(PROGRAMS * STEPS):
                sender.node.step()
            until(lambda: self._arrived(sender, receivers, buses), 20.0, "everything that was sent")
        finally:
            for bus in buses:
                bus.close(0)
        for host in receivers:
            host.node.on_stop()
        for host in (sender, *receivers):
            assert host.node.wrong == [], host.node.name

    def _prove(self, buses):
        proven = set()

        def through():
            buses[0].probe(7)
            for place, bus in enumerate(buses[1:]):
                if bus.receive(lambda port, message: None)[1]:
                    proven.add(place)
            return len(proven) == len(buses) - 1

        until(through, 20.0, "every edge is proven")

    def _arrived(self, sender, receivers, buses):
        for host, bus in zip(receivers, buses[1:], strict=True):
            bus.receive(host.executor.deliver)
        wanted = sender.node.outputs["parcel"].sent.get(None, 0)
        edges = [host.node.inputs["parcel"].edges.get(sender.node.name, EdgeCount()) for host in receivers]
        return all(edge.next_sequence == wanted for edge in edges)

    def close(self) -> None:
        self.context.term()
        shutil.rmtree(self.folder)


@pytest.fixture(scope="module")
def bus_program():
    made = BusProgram(Path(tempfile.mkdtemp(prefix="rt-programs-", dir="/tmp")))
    yield made
    made.close()


@examples(100)
@given(seed=SEEDS)
def test_over_real_sockets_all_see_what_was_published(bus_program, seed):
    bus_program.run(seed)
