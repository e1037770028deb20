"""The bus over real sockets: what arrives, is lost or refused, and what a probe proves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq
from support.host import HandHost
from support.launching import TESTS, until

from rtgraph.msgs import Message, array
from rtgraph.msgs.errors import DecodeError, LaunchError
from rtgraph.msgs.system import Go, Probe
from rtgraph.msgs.wire.named import named
from rtgraph.nodes.runtime import Input, Node, Output, Params, latest, lossless, queue
from rtgraph.nodes.runtime.realtime.bus import WAITING_MOST, Bus, BusPlan, Probed
from rtgraph.nodes.runtime.realtime.control import CONTROL, ControlClient


class Picture(Message):
    number: int
    pixels: array("uint8", None, None)  # type: ignore[valid-type]


class Renamed(Message):
    number: int


class Talker(Node[Params]):
    picture = Output(Picture)
    order = Output(Picture, keyed=True)


class Listener(Node[Params]):
    picture = Input(Picture, latest, many=True)
    everything = Input(Picture, lossless, many=True)
    order = Input(Picture, queue(10), keyed=True)


class Misled(Node[Params]):
    picture = Input(Renamed, queue(10))


class BusNode:
    """A node on its bus, without a process or a launcher."""

    def __init__(self, context: Any, node_type: type[Node[Any]], name: str, plan: BusPlan) -> None:
        self.host = HandHost(node_type, name=name)
        self.host.begin()
        self.node = self.host.node
        self.bus = Bus(context, self.node, plan)
        self.host.transmit = lambda _, output, message, key: self.bus.publish(output.name, message, key)  # type: ignore[method-assign]
        self.probes: list[Probed] = []

    def hear(self) -> BusNode:
        more = True
        while more:
            more, probes = self.bus.receive(self.host.executor.deliver)
            self.probes += probes
        return self

    def until(self, condition: Callable[[], Any], what: str) -> None:
        until(lambda: (self.hear(), condition())[1], 5.0, what)


@pytest.fixture
def folder():
    made = tempfile.mkdtemp(prefix="rt-bus-", dir="/tmp")
    yield Path(made)
    shutil.rmtree(made)


@pytest.fixture
def make(folder):
    context = zmq.Context()
    made: list[BusNode] = []

    def endpoint(name: str) -> str:
        return f"ipc://{folder / name}"

    def talker(name: str = "talker", keys: tuple[str, ...] = ("ear",)) -> BusNode:
        plan = BusPlan(
            plain=endpoint(name),
            lossless=endpoint(f"{name}-all"),
            topics={"picture": "picture", "order": "order"},
            keys={"order": keys},
            wanted_lossless=("picture",),
        )
        made.append(BusNode(context, Talker, name, plan))
        return made[-1]

    def listener(node_type: type[Node[Any]] = Listener, name: str = "ear") -> BusNode:
        inputs = {"picture": "picture"}
        connect = {"picture": (endpoint("talker"),)}
        if node_type is Listener:
            inputs |= {"everything": "picture", "order": "order"}
            connect |= {"everything": (endpoint("talker-all"),), "order": (endpoint("talker"),)}
        plan = BusPlan(
            plain=endpoint(name), lossless=endpoint(f"{name}-all"), topics={}, inputs=inputs, connect=connect
        )
        made.append(BusNode(context, node_type, name, plan))
        return made[-1]

    talker.context = context  # type: ignore[attr-defined]
    yield talker, listener
    for one in made:
        one.bus.close(0)
    context.term()


def proven(talker: BusNode, *listeners: BusNode) -> None:
    """Send probes until every input of every listener has received one."""

    def through() -> bool:
        talker.bus.probe(7)
        return all({p.port for p in one.hear().probes} == set(one.node.inputs) for one in listeners)

    until(through, 5.0, "every edge is proven")
    for one in listeners:
        one.probes.clear()


def picture(number: int, size: int = 4) -> Picture:
    return Picture(number=number, pixels=np.full((size, size), number % 251, np.uint8))


def test_a_probe_takes_the_way_of_the_messages_and_names_its_sender(make) -> None:
    talker, listener = make[0](), make[1]()
    proven(talker, listener)
    talker.bus.probe(41)
    listener.until(lambda: len([p for p in listener.probes if p.nonce == 41]) == 3, "three probes")
    assert {(p.port, p.publisher) for p in listener.probes if p.nonce == 41} == {
        ("picture", "talker"),
        ("everything", "talker"),
        ("order", "talker"),
    }
    assert not any(port.inbox or port.edges for port in listener.node.inputs.values())


@pytest.mark.parametrize("size", [4, 600])
def test_messages_arrive_as_they_were_sent(size, make) -> None:
    talker, listener = make[0](), make[1]()
    proven(talker, listener)
    for number in range(3):
        talker.node.picture.publish(picture(number, size))
    listener.until(lambda: len(listener.node.everything.inbox) == 3, "three pictures")
    for number, message in enumerate(listener.node.everything.take_all()):
        assert message.number == number
        assert message.header.sequence == number
        assert message.header.source == "talker"
        assert np.array_equal(message.pixels, picture(number, size).pixels)
        assert not message.pixels.flags.writeable
    # The newest of them; the others are counted.
    listener.until(
        lambda: listener.node.picture.edges["talker"].received == 3, "the same, by the other socket"
    )
    assert listener.node.picture.take().number == 2
    assert listener.node.picture.edges["talker"].overwritten == 2
    assert listener.node.picture.edges["talker"].lost == 0


def test_a_keyed_message_goes_to_one_node_only(make) -> None:
    talker, ear, earring = make[0](keys=("ear", "ear2")), make[1](), make[1](name="ear2")
    proven(talker, ear, earring)
    talker.node.order.publish(picture(1), key="ear")
    talker.node.order.publish(picture(2), key="ear2")
    earring.until(lambda: earring.node.order.inbox, "the order for ear2")
    ear.until(lambda: ear.node.order.inbox, "the order for ear")
    assert [m.number for m in ear.node.order.take_all()] == [1]
    assert [m.number for m in earring.node.order.take_all()] == [2]


def test_who_does_not_read_loses_what_is_counted_and_everything_keeps_everything(make) -> None:
    talker, listener = make[0](), make[1]()
    proven(talker, listener)
    sent = 20 * WAITING_MOST
    for number in range(sent):
        talker.node.picture.publish(picture(number, 16))
    listener.until(lambda: listener.node.everything.edges["talker"].received == sent, "all of them")
    everything = listener.node.everything.edges["talker"]
    assert (everything.lost, everything.overwritten) == (0, 0)
    talker.node.picture.publish(picture(sent))
    listener.until(lambda: listener.node.picture.newest.number == sent, "the last one")
    plain = listener.node.picture.edges["talker"]
    assert plain.lost > 0
    assert plain.received + plain.lost == sent + 1


def test_a_paused_input_hears_probes_only(make) -> None:
    talker, listener = make[0](), make[1]()
    proven(talker, listener)
    listener.node.picture.pause()

    def cut_off() -> bool:
        # The other socket's message was published at the same time, so it is no longer in transit.
        listener.hear().node.everything.take_all()
        talker.node.picture.publish(picture(0))
        listener.until(lambda: listener.node.everything.inbox, "it comes")
        return not listener.node.picture.inbox

    until(cut_off, 5.0, "nothing comes any more")
    listener.probes.clear()
    talker.bus.probe(2)
    listener.until(lambda: any(p.port == "picture" for p in listener.probes), "a probe comes through")
    listener.node.picture.resume()

    def heard() -> bool:
        talker.node.picture.publish(picture(5))
        return bool(listener.hear().node.picture.inbox)

    until(heard, 5.0, "messages come again")
    assert listener.node.picture.edges["talker"].lost == 0


def test_another_message_class_is_refused_and_counted(make, caplog) -> None:
    talker, misled = make[0](), make[1](Misled)
    proven(talker, misled)
    for number in range(3):
        talker.node.picture.publish(picture(number))
    misled.until(lambda: sum(edge.refused for edge in misled.node.picture.edges.values()) == 3, "refusals")
    assert not misled.node.picture.inbox
    assert len([r for r in caplog.records if "an invalid message is dropped" in r.message]) == 1
    assert "schema" in caplog.text


def test_an_endpoint_that_cannot_be_bound(make, folder) -> None:
    plan = BusPlan(plain=f"ipc://{folder / 'no' / 'such'}", lossless="", topics={})
    with pytest.raises(LaunchError, match="cannot bind a socket to"):
        BusNode(make[0].context, Talker, "talker", plan)


def test_topics_are_exact(make) -> None:
    """``picture2`` begins with ``picture``: without a terminator a subscription would match both."""
    talker, listener = make[0](), make[1]()
    proven(talker, listener)
    talker.bus._leads["picture"] = b"picture2\0"
    talker.node.picture.publish(picture(0))
    talker.bus._leads["picture"] = b"picture\0"
    talker.node.picture.publish(picture(1))
    listener.until(lambda: listener.node.everything.inbox, "a picture")
    assert [m.number for m in listener.node.everything.take_all()] == [1]


def test_control_messages_survive_the_way(folder) -> None:
    context = zmq.Context()
    server = context.socket(zmq.ROUTER)
    server.setsockopt(zmq.LINGER, 0)
    server.bind(f"ipc://{folder / 'control'}")
    client = ControlClient(context, f"ipc://{folder / 'control'}", "worker/1#2")
    try:
        client.send(Probe(nonce=3))
        assert server.poll(5000)
        identity, *frames = server.recv_multipart()
        assert (identity, CONTROL.read(frames)) == (b"worker/1#2", Probe(nonce=3))
        assert client.receive() is None
        server.send_multipart([identity, *named(Go(epoch_ns=9))])
        heard: list[Message | None] = []
        until(lambda: heard.append(client.receive()) or heard[-1] is not None, 5.0, "the answer came")
        assert heard[-1] == Go(epoch_ns=9)
        assert client.receive() is None
    finally:
        client.close()
        server.close()
        context.term()


@pytest.mark.parametrize("frames", [[], [b"Go"], [b"Stopp", b""], [b"Go", b"\xc1"], [b"Go", b"", b""]])
def test_what_is_no_control_message(frames) -> None:
    with pytest.raises(DecodeError):
        CONTROL.read(frames)


def test_the_thread_that_sends_has_the_priority_of_the_one_that_ticks() -> None:
    code = (
        "import os\n"
        "import zmq\n"
        "from rtgraph.nodes.runtime.realtime.host import take_priority\n"
        "from rtgraph.nodes.runtime.realtime.bus import make_context\n"
        "from support.launching import until\n"
        "def threads():\n"
        "    return {int(t): os.sched_getscheduler(int(t)) & ~os.SCHED_RESET_ON_FORK"
        " for t in os.listdir('/proc/self/task')}\n"
        "given, before = take_priority('fifo'), threads()\n"
        "context = make_context()\n"
        "socket = context.socket(zmq.PUB)\n"
        "def new(): return [policy for thread, policy in threads().items() if thread not in before]\n"
        "if given == 'SCHED_FIFO 10':\n"
        "    until(lambda: new() and set(new()) == {os.SCHED_FIFO}, 5, 'they have it')\n"
        "print(given)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    if "refused" in done.stdout:
        pytest.skip(done.stdout.strip())
