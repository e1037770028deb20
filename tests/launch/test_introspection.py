"""Introspection in parts: selecting a session, measuring, and the launcher's answers to clients."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgpack
import numpy as np
import pytest
import zmq
from support.launching import until
from support.observed import Beat, Letter

from rtgraph.graphs import load_launch
from rtgraph.graphs.plan import Plan
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.host import bases
from rtgraph.launch.host.runtime_directory import RuntimeDirectory
from rtgraph.launch.introspection.client import Client
from rtgraph.launch.introspection.commands.pub import made
from rtgraph.launch.introspection.live import edge_notes, figures
from rtgraph.launch.introspection.meters import Meter
from rtgraph.launch.introspection.observer import MissedMessages, Observed
from rtgraph.launch.introspection.sessions import LiveSession, pick, running
from rtgraph.launch.introspection.values import as_json, as_lines, fields, selected
from rtgraph.launch.process.announcement import describe
from rtgraph.launch.process.changes import CHANGE_WITHIN_S, SET_BEFORE_READY
from rtgraph.launch.process.introspection_service import QUESTION_MOST_BYTES, Service
from rtgraph.launch.process.processes import Process
from rtgraph.launch.process.supervision import Member, RestartBudget
from rtgraph.msgs import Message, decode, encode
from rtgraph.msgs.errors import DecodeError, GraphError, LaunchError
from rtgraph.msgs.introspection import AskGraph, Declined, Graph, NodeState, ParamsSet, Publish, SetParams
from rtgraph.msgs.system import Beat as NodeBeat
from rtgraph.msgs.system import ChangeParams, ParamsChanged
from rtgraph.msgs.wire.envelope import Envelope
from rtgraph.msgs.wire.named import named
from rtgraph.nodes.runtime import NodePlan, RestartPolicy
from rtgraph.nodes.runtime.realtime.bus import BusPlan

# ---- which sessions run --------------------------------------------------------------------------------------------


@pytest.fixture
def base(tmp_path, monkeypatch) -> Iterator[Path]:
    """Create runtime folders in a short temporary folder, and look for them nowhere else.

    Requested after ``tmp_path``, so that ``tmp_path`` keeps its usual place.
    """
    with tempfile.TemporaryDirectory(prefix="rt-", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        monkeypatch.delenv("TMPDIR", raising=False)
        monkeypatch.setattr(bases, "_SHARED", ())
        monkeypatch.setattr(bases, "_OF_USERS", Path(folder) / "users")
        yield Path(folder)


def announce(runtime: RuntimeDirectory, name: str, directory: Path, epoch_ns: int = 0) -> None:
    plan = Plan(
        name=name,
        nodes=(
            NodePlan(name="postman", index=0, node="support.observed:Postman", outputs={"letter": "letter"}),
        ),
    )
    buses = {
        "postman": BusPlan(plain="ipc:///nowhere", lossless="ipc:///nowhere-all", topics={"letter": "letter"})
    }
    runtime.announce(describe(plan, directory, buses, epoch_ns, "ipc:///nobody").model_dump_json())


def test_a_topic_that_only_the_recorder_takes_is_told() -> None:
    plan = load_launch("endless", record=True, folders=FOLDERS)
    buses = {node.name: BusPlan(plain="", lossless="", topics=node.outputs) for node in plan.nodes}
    description = describe(plan, Path(), buses, 0, "")
    with pytest.raises(
        GraphError, match=r"'progress' is only recorded or forwarded, by session/recorder\.everything, "
    ):
        description.subscribed("progress")
    with pytest.raises(GraphError, match="no node of endless subscribes to 'nosuch'"):
        description.subscribed("nosuch")
    assert description.subscribed("decision") == "rtgraph.msgs.inference:Decision"


def test_without_a_running_graph_there_is_a_hint(base) -> None:
    with pytest.raises(LaunchError, match=r"no graph is running\. hint: start one with `rtgraph launch"):
        pick()


def test_the_only_one_needs_no_name(base, tmp_path) -> None:
    runtime = RuntimeDirectory()
    assert running() == []  # it has not announced itself yet
    announce(runtime, "duel", tmp_path)
    session = pick()
    assert session.description.name == "duel"
    assert session.description.topics() == ("letter",)
    assert session.description.streams[0].message == "support.observed:Letter"
    assert session.description.streams[0].keyed
    assert session.lives()
    runtime.remove()
    assert not session.lives()


def test_several_are_told_apart(base, tmp_path) -> None:
    one, two = RuntimeDirectory(), RuntimeDirectory()
    announce(one, "duel", tmp_path / "one", 1)
    announce(two, "night", tmp_path / "two", 2)
    with pytest.raises(
        LaunchError, match=r"2 graphs are running: duel \(process \d+, .*one\), night .*hint: choose one"
    ):
        pick()
    assert pick("night").description.epoch_ns == 2
    assert pick(str(tmp_path / "one")).description.epoch_ns == 1
    with pytest.raises(LaunchError, match=r"no running graph matches 'day'\. hint: running graphs: duel"):
        pick("day")
    with pytest.raises(LaunchError, match=rf"2 graphs match '{os.getpid()}': duel"):
        pick(str(os.getpid()))  # both claim this process
    one.remove()
    assert pick().description.name == "night"
    two.remove()


def test_word_that_is_not_to_be_trusted_is_not_heard(base, tmp_path) -> None:
    runtime = RuntimeDirectory()
    announce(runtime, "duel", tmp_path)
    runtime.path.chmod(0o755)
    assert running() == []
    runtime.path.chmod(0o700)
    runtime.announce('{"format": 2}')
    assert running() == []
    runtime.remove()


def test_a_launch_that_was_killed_does_not_run(base, tmp_path) -> None:
    runtime = RuntimeDirectory()
    announce(runtime, "duel", tmp_path)
    os.close(runtime._lock)  # as the end of a process does
    assert runtime.path.exists()
    assert running() == []


# ---- what is measured ----------------------------------------------------------------------------------------------


def observed(
    arrived_ns: int, sequence: int, *, stamp_ns: int | None = None, source: str = "a", incarnation: int = 0
) -> Observed:
    stamp_ns = arrived_ns if stamp_ns is None else stamp_ns
    head = Envelope(b"", source, incarnation, sequence, stamp_ns)
    return Observed("t", "", head, arrived_ns, [memoryview(bytes(100))], 10)


def test_a_meter_tells_rates_sizes_and_delays() -> None:
    meter = Meter(10.0)
    for number in range(101):
        meter.add(observed(number * 10_000_000 + 2_000_000, number, stamp_ns=number * 10_000_000))
    reading = meter.reading(1_010_000_000, missed=0)
    assert reading.count == 101
    assert reading.rate_hz == pytest.approx(100)
    assert reading.published_hz == pytest.approx(100)
    assert reading.bytes_per_s == pytest.approx(9000)
    assert reading.delay_ms is not None
    assert (reading.delay_ms.mean, reading.delay_ms.sd) == (pytest.approx(2), pytest.approx(0))
    assert reading.interval_ms is not None
    assert reading.interval_ms.p99 == pytest.approx(10)


def test_what_is_published_is_known_even_if_half_of_it_does_not_arrive() -> None:
    meter, losses = Meter(10.0), MissedMessages()
    for number in range(0, 200, 2):
        one = observed(number * 10_000_000, number)
        meter.add(one)
        losses.add(one)
    reading = meter.reading(2_000_000_000, losses.missed)
    assert reading.rate_hz == pytest.approx(50)
    assert reading.published_hz == pytest.approx(100)
    assert reading.missed == 99


def test_several_publishers_add_up_and_a_restart_is_no_loss() -> None:
    meter, losses = Meter(10.0), MissedMessages()
    for number in range(100):
        for source in ("a", "b"):
            later = source == "b" and number >= 50
            one = observed(number * 10_000_000, number - 50 * later, source=source, incarnation=int(later))
            meter.add(one)
            losses.add(one)
    reading = meter.reading(1_000_000_000, losses.missed)
    assert reading.missed == 0
    assert reading.rate_hz == pytest.approx(199 / 0.99)
    assert reading.published_hz == pytest.approx(300)  # "b" and its second life in parallel
    meter = Meter(0.2)
    for number in range(100):
        meter.add(observed(number * 10_000_000, number))
    assert meter.reading(990_000_000, 0).size_bytes == meter.reading(990_000_000, 0).size_bytes
    assert meter.reading(990_000_000, 0).rate_hz == pytest.approx(100)
    assert meter.reading(5_000_000_000, 0).rate_hz is None


# ---- what is shown -------------------------------------------------------------------------------------------------


def test_fields_are_read_without_the_class() -> None:
    beat = Beat(number=3, gain=float("nan"), picture=np.arange(6, dtype=np.uint8).reshape(2, 3))
    values = fields(encode(beat))
    assert values["number"] == 3
    picture = values["picture"]
    assert isinstance(picture, np.ndarray)
    assert picture.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert not picture.flags.writeable
    told = as_json(values)
    assert isinstance(told, dict)
    assert told["picture"] == {"dtype": "uint8", "shape": [2, 3], "min": 0, "max": 5, "mean": 2.5}
    assert json.loads(json.dumps(told, allow_nan=False))["gain"] == "nan"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"\xc1",
        msgpack.packb([1, b"", {"x": {"dtype": "uint8", "shape": [2], "buffer": 1}}, [b"ab"]]),
        msgpack.packb([1, b"", {"x": {"dtype": "uint8", "shape": [3], "buffer": 0}}, [b"ab"]]),
        msgpack.packb([1, b"", {"x": {"dtype": "object", "shape": [1], "buffer": 0}}, [b"ab"]]),
        msgpack.packb([1, b"", 7, []]),
        msgpack.packb("four"),
    ],
)
def test_what_is_no_message_is_refused(document) -> None:
    with pytest.raises(DecodeError, match="the bytes are not an encoded message: "):
        fields(document)


def test_odd_values_are_shown_too() -> None:
    values = {
        "none": None,
        "yes": True,
        "empty": "",
        "data": bytes(5),
        "long": list(range(100)),
        "nothing": np.zeros((0, 3), np.float32),
        "infinite": np.array([np.inf, 1.0]),
        "yes_or_no": np.array([True, False]),
        "picture": np.full((1, 2), 3, np.uint8),
        "value": {"wrist": np.zeros((2, 2), np.uint8), "joints": np.array([0.5, -1.25], np.float32)},
        "part": {"a": 1, "b": {"c": 2}},
    }
    assert as_lines(values) == [
        "none: null",
        "yes: true",
        'empty: ""',
        "data: 5 bytes",
        "long: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, ... 100 in all]",
        "nothing: float32 0×3",
        "infinite: float64 2: inf, 1",
        "yes_or_no: bool 2: 1, 0",
        "picture: uint8 1×2, 3 to 3, mean 3.0",
        "value:",
        "  wrist: uint8 2×2, 0 to 0, mean 0.0",
        "  joints: float32 2: 0.5, -1.25",
        "part:",
        "  a: 1",
        "  b:",
        "    c: 2",
    ]
    assert selected(values, ["part.b.c", "part.x", "yes"]) == {"part.b.c": 2, "yes": True}
    json.dumps(as_json(values, full=True), allow_nan=False)
    told = as_json({"joints": np.array([0.5, np.nan]), "long": np.zeros(65), "wrist": np.zeros((2, 2))})
    assert told["joints"]["data"] == [0.5, "nan"]
    assert "data" not in told["long"]
    assert "data" not in told["wrist"]


def test_messages_are_made_of_json() -> None:
    beat = made(Beat, '{"number": 1, "picture": [[1, 2], [3, 4]]}')
    assert isinstance(beat, Beat)
    assert beat.picture.dtype == np.uint8
    again = made(Beat, '{"number": 1, "picture": {"dtype": "uint8", "shape": [2, 2], "data": [1, 2, 3, 4]}}')
    assert again == beat
    with pytest.raises(GraphError, match="picture"):
        made(Beat, '{"number": 1, "picture": [[1, 2], [3]]}')
    with pytest.raises(GraphError, match="picture"):
        made(Beat, '{"number": 1, "picture": [[1, 300]]}')
    assert made(Letter, '{"text": "x"}') == Letter(text="x")


def test_figures_are_differences_of_beats() -> None:
    def beat(at_s: float, received: int, lost: int) -> NodeBeat:
        return NodeBeat(
            at_ns=round(at_s * 1e9),
            busy=True,
            cpu_s=at_s / 4,
            resident_bytes=1 << 20,
            sent={"out": 2 * received},
            edges=[("in", "source/0", received, lost, 7, 1), ("in", "source/1", received, 0, 0, 0)],
            unread={"in": 3},
            age_ns=4_000_000,
        )

    states = [
        NodeState(
            node="sink", node_class="m:C", state="running", beat=beat(3, 300, 5), earlier=beat(1, 100, 0)
        ),
        NodeState(node="new", node_class="m:C", state="running", beat=beat(3, 300, 0)),
        NodeState(node="gone", node_class="m:C", state="restarting"),
    ]
    graph = figures(Graph(number=1, name="g", now_ns=4_000_000_000, nodes=states))
    sink, new, gone = graph.nodes
    assert (sink.state, sink.in_hz, sink.out_hz, sink.cpu_percent) == ("busy", 200, 200, pytest.approx(25))
    assert (sink.lost, sink.overwritten, sink.refused, sink.unread, sink.age_ms) == (5, 7, 1, 3, 4.0)
    assert (new.in_hz, new.received) == (None, 600)
    assert (gone.state, gone.resident_bytes) == ("restarting", None)
    assert edge_notes(graph)["source", "sink", "in"] == "200.0 Hz, 6 lost, 7 overwritten"


# ---- what the launcher answers -------------------------------------------------------------------------------------


class Board:
    """A service with one node, which is this process; ``told`` collects the messages to it."""

    def __init__(self, runtime: RuntimeDirectory, directory: Path) -> None:
        announce(runtime, "duel", directory)
        plan = NodePlan(name="metronome", index=0, node="support.observed:Metronome")
        self.member = Member(plan, 0, RestartBudget(RestartPolicy()), ready=True, running=True)
        self.member.process = Process.watch(os.getpid())
        self.told: list[Message] = []
        self.service = Service(
            "duel", runtime, {"metronome": self.member}, lambda _, message: self.told.append(message)
        )

    def attend(self, now_s: float = 0.0) -> None:
        while self.service.socket.poll(100):
            self.service.attend(now_s)


@pytest.fixture
def board(base, tmp_path) -> Iterator[Board]:
    runtime = RuntimeDirectory()
    made_board = Board(runtime, tmp_path)
    with made_board.service:
        yield made_board
    assert made_board.member.process is not None
    os.close(made_board.member.process.pidfd)
    runtime.remove()


@pytest.fixture
def dealer(board) -> Iterator[zmq.Socket[bytes]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(board.service.endpoint)
    yield socket
    socket.close(0)
    context.term()


def test_nonsense_is_not_answered_and_does_no_harm(board, dealer) -> None:
    for frames in (
        [b""],
        [b"AskGraph"],
        [b"AskGraph", b"\xc1"],
        [b"Stop", b"\x90"],
        [b"x"] * 50,
        [bytes(100_000)] * 2,
    ):
        dealer.send_multipart(frames)
    dealer.send_multipart(named(AskGraph(number=9)))
    board.attend()
    answer = dealer.recv_multipart()
    assert answer[0] == b"Graph"
    assert not dealer.poll(0)


def test_too_much_is_cut_off(board, dealer) -> None:
    dealer.send_multipart(named(Publish(number=1, topic="slow", document=bytes(QUESTION_MOST_BYTES // 2))))
    board.attend()
    assert dealer.recv_multipart()[0] == b"Declined"
    dealer.send_multipart(named(Publish(number=2, topic="slow", document=bytes(QUESTION_MOST_BYTES))))
    board.attend()
    assert not dealer.poll(50)
    dealer.send_multipart(named(AskGraph(number=3)))  # it reconnects by itself
    until(lambda: board.attend() or dealer.poll(0), 5, "the next question is answered")
    assert dealer.recv_multipart()[0] == b"Graph"


def test_who_does_not_take_answers_is_not_waited_for(board, dealer) -> None:
    dealer.setsockopt(zmq.SNDHWM, 0)
    for number in range(5000):
        dealer.send_multipart(named(AskGraph(number=number)))
    board.attend()  # would never return if it waited
    answers = 0
    while dealer.poll(100):
        assert dealer.recv_multipart()[0] == b"Graph"
        answers += 1
    assert 0 < answers < 5000, "what nobody takes is kept"


def test_a_node_that_does_not_answer_is_answered_for(board, dealer) -> None:
    dealer.send_multipart(named(SetParams(number=5, nodes="*", values={"gain": 2.0})))
    board.attend(100.0)
    (change,) = board.told
    assert isinstance(change, ChangeParams)
    board.service.changes.give_up(100.0 + CHANGE_WITHIN_S / 2)
    assert not dealer.poll(20)
    board.service.changes.give_up(100.1 + CHANGE_WITHIN_S)
    assert dealer.poll(1000)
    assert dealer.recv_multipart()[0] == b"ParamsSet"
    assert board.member.changed == {}
    # It answers late: its next life has the value.
    board.service.changes.done("metronome", ParamsChanged(number=change.number, values={"gain": 2.0}))
    assert board.member.changed == {"gain": 2.0}


def test_a_check_that_fails_does_not_end_the_launch(board, dealer) -> None:
    dealer.send_multipart(named(SetParams(number=5, nodes="*", values={"gain": 7.0})))
    board.attend()
    kind, document = dealer.recv_multipart()
    assert kind == b"Declined"
    assert decode(Declined, document).problem == "RuntimeError: a check that fails itself"
    assert board.told == []


@pytest.mark.parametrize(("text", "gain"), [("010", 10.0), ("1e-1", 0.1), ("3", 3.0)])
def test_text_is_set_as_the_type_that_is_declared(board, dealer, text, gain) -> None:
    dealer.send_multipart(named(SetParams(number=5, nodes="*", values={"gain": text})))
    board.attend()
    (change,) = board.told
    assert change.values == {"gain": gain}
    assert type(change.values["gain"]) is float


@pytest.mark.parametrize("text", ["nan", "inf", "12:30", "1_0", "off", "true", "null", "", "9" * 400, "x"])
def test_text_that_is_no_value_of_the_type_changes_nothing(board, dealer, text) -> None:
    dealer.send_multipart(named(SetParams(number=5, nodes="*", values={"gain": text})))
    board.attend()
    kind, document = dealer.recv_multipart()
    assert kind == b"Declined"
    assert "metronome: gain: " in decode(Declined, document).problem
    assert board.told == []


def test_a_node_that_is_away_has_the_value_in_its_next_life(board, dealer) -> None:
    board.member.ready = False
    dealer.send_multipart(named(SetParams(number=5, nodes="metro*", values={"gain": 2})))
    board.attend()
    assert board.told == []
    assert board.member.changed == {"gain": 2}
    board.member.begin_anew()
    assert board.member.given == {"gain": 2}
    assert dealer.recv_multipart()[0] == b"ParamsSet"
    # Set while it starts, and refused once it runs: the value with which it started applies again.
    dealer.send_multipart(named(SetParams(number=6, nodes="metro*", values={"gain": 3})))
    board.attend()
    assert board.member.changed == {"gain": 3}
    refused = ParamsChanged(number=SET_BEFORE_READY, problem="the metronome does not like 3")
    board.service.changes.done("metronome", refused)
    assert board.member.changed == {"gain": 2}


def test_who_asks_a_launch_that_has_ended_is_told_so(base, tmp_path) -> None:
    runtime = RuntimeDirectory()
    announce(runtime, "duel", tmp_path)
    session = pick()
    runtime.remove()
    with Client(session) as client, pytest.raises(LaunchError, match="duel has ended"):
        client.ask(AskGraph(), Graph)


def test_a_wrong_question_is_declined(board, base) -> None:
    import threading

    session = LiveSession(
        Path(board.service.endpoint.removeprefix("ipc://")).parent,
        pick().description.model_copy(update={"introspection": board.service.endpoint}),
    )
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            if board.service.socket.poll(20):
                board.service.attend(0.0)

    server = threading.Thread(target=serve)
    server.start()
    try:
        with Client(session) as client:
            with pytest.raises(GraphError, match=r"there is no node 'hammer'\. hint: choose from metronome"):
                client.ask(SetParams(nodes="hammer", values={"gain": 1}), ParamsSet)
            with pytest.raises(GraphError, match="no parameter is given"):
                client.ask(SetParams(nodes="*", values={}), ParamsSet)
            assert client.ask(AskGraph(), Graph).nodes[0].state == "running"
    finally:
        done.set()
        server.join()
