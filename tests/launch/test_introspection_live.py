"""Every introspection verb against a running graph."""

from __future__ import annotations

import itertools
import json
import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from support.launching import COMMAND, TESTS, Launch, until
from support.observed import Beat, Letter

from rtgraph.launch import attach
from rtgraph.launch.cli import main
from rtgraph.launch.introspection.live import LiveGraph, LiveNode, snapshot
from rtgraph.launch.introspection.sessions import LiveSession, pick, running
from rtgraph.msgs.errors import LaunchError

pytestmark = [pytest.mark.process, pytest.mark.timeout(100)]


@pytest.fixture(scope="module")
def launch(tmp_path_factory) -> Iterator[Launch]:
    tmp_path_factory.getbasetemp()  # before the place of temporary files changes
    with Launch.of("observed") as launched:
        places = {"XDG_RUNTIME_DIR": str(launched.runtime), "TMPDIR": str(launched.runtime)}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in places.items():
                patch.setenv(name, value)
            patch.setattr(tempfile, "tempdir", None)
            until(lambda: running() or launched.popen.poll() is not None, 40, f"it runs: {launched.stderr}")
            until(rates_are_known, 40, "rates are known")
            yield launched
        launched.interrupt()


def rates_are_known() -> bool:
    """Return whether the listener counts; a node that has just started is in no snapshot, or has no rate."""
    return any(one.node == "listener" and one.in_hz for one in snapshot(pick()).nodes)


@pytest.fixture(scope="module")
def session(launch: Launch) -> LiveSession:
    return pick()


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """Run a verb in this process and return what it printed, or its error if it fails."""
    try:
        ended = main(arguments)
    except SystemExit as error:
        ended = int(error.code or 0)
    captured = capsys.readouterr()
    assert ended == code, captured.err
    return captured.err if code else captured.out


def command(*arguments: str, **popen: Any) -> subprocess.Popen[str]:
    """Start a verb in a separate process."""
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "TERM": "xterm"}
    defaults = {
        "args": [sys.executable, "-c", COMMAND, *arguments],
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    }
    return subprocess.Popen(text=True, env=environment, **(defaults | popen))


def node(graph: LiveGraph, name: str) -> LiveNode:
    return next(one for one in graph.nodes if one.node == name)


# ---- topics --------------------------------------------------------------------------------------------------------


def test_topics_are_listed(launch, capsys) -> None:
    listed = {one["topic"]: one for one in json.loads(told(capsys, "topic", "list", "--json"))}
    assert listed.keys() == {"slow", "fast", "letter"}
    assert listed["slow"] == {
        "topic": "slow",
        "message": "Beat",
        "keyed": False,
        "publishers": ["metronome"],
        "subscribers": ["listener.slow"],
    }
    assert listed["letter"]["keyed"] is True
    assert re.search(
        r"letter +Letter \(keyed\) +postman +reader/0.letter, reader/1.letter", told(capsys, "topic", "list")
    )


def test_a_topic_is_told_of(launch, capsys) -> None:
    info = json.loads(told(capsys, "topic", "info", "slow", "--json"))
    assert info["publishers"][0]["message"] == "support.observed:Beat"
    assert info["publishers"][0]["sent"] > 0
    assert info["subscribers"][0]["policy"] == "lossless"
    assert info["subscribers"][0]["lost"] == 0
    assert re.search(r"listener +slow +lossless +\d+ +0 +0", told(capsys, "topic", "info", "slow"))
    assert "did you mean 'slow'?" in told(capsys, "topic", "info", "slwo", code=2)


@pytest.mark.parametrize(
    ("topic", "rate_hz"), [("slow", 60.0), pytest.param("fast", 1000.0, marks=pytest.mark.soak)]
)
def test_hz_is_within_one_percent(launch, capsys, topic, rate_hz) -> None:
    # Long, because a delayed publisher catches up: 80 ms are 1 % of this.
    reading = json.loads(told(capsys, "topic", "hz", topic, "--duration", "8", "--json"))
    assert reading["rate_hz"] == pytest.approx(rate_hz, rel=0.01)
    assert reading["published_hz"] == pytest.approx(rate_hz, rel=0.01)
    assert reading["interval_ms"]["mean"] == pytest.approx(1000 / rate_hz, rel=0.01)
    assert reading["missed"] == 0


def test_hz_for_people(launch, capsys) -> None:
    shown = told(capsys, "topic", "hz", "slow", "--count", "70", "--window", "0.5")
    assert re.search(r"^\d+\.\d+ Hz \(published [\d.]+\)  interval [\d.]+ ± [\d.]+ ms", shown)
    assert "70 messages, 0 missed" in shown


def test_bw_and_delay(launch, capsys) -> None:
    size = json.loads(told(capsys, "topic", "bw", "fast", "--count", "200", "--json"))
    assert 10_000 < size["size_bytes"]["least"] <= size["size_bytes"]["most"] < 10_300
    assert size["bytes_per_s"] == pytest.approx(size["rate_hz"] * size["size_bytes"]["mean"], rel=0.05)
    delay = json.loads(told(capsys, "topic", "delay", "slow", "--count", "30", "--json"))
    assert 0 < delay["delay_ms"]["least"] <= delay["delay_ms"]["p50"] < 100
    assert "under way" in told(capsys, "topic", "delay", "slow", "--count", "5")


def test_echo_for_programs(launch, capsys) -> None:
    lines = [
        json.loads(line)
        for line in told(capsys, "topic", "echo", "slow", "--json", "--count", "3").splitlines()
    ]
    assert [line["fields"]["number"] - lines[0]["fields"]["number"] for line in lines] == [0, 1, 2]
    assert lines[0]["header"]["source"] == "metronome"
    assert lines[0]["fields"]["picture"] == {
        "dtype": "uint8",
        "shape": [4, 4],
        "min": 7,
        "max": 7,
        "mean": 7.0,
    }
    full = json.loads(
        told(capsys, "topic", "echo", "slow", "--json", "--full", "--count", "1", "--fields", "picture")
    )
    assert full["fields"] == {
        "picture": {"dtype": "uint8", "shape": [4, 4], "min": 7, "max": 7, "mean": 7.0, "data": [[7] * 4] * 4}
    }


def test_echo_for_people(launch, capsys) -> None:
    shown = told(capsys, "topic", "echo", "slow", "--count", "1")
    assert re.match(
        r"--- slow from metronome, [\d,]+, at [\d.]+ s, under way for [\d.]+ ms\nnumber: \d+\n", shown
    )
    assert "picture: uint8 4×4, 7 to 7, mean 7.0" in shown
    header = told(capsys, "topic", "echo", "slow", "--count", "1", "--fields", "header.source,header.lineage")
    assert "header.source: " in header
    assert "have no field 'nmber'" in told(capsys, "topic", "echo", "slow", "--fields", "nmber", code=2)
    assert "did you mean 'slow'?" in told(capsys, "topic", "echo", "slo", code=2)
    assert "'slow' is not keyed" in told(capsys, "topic", "echo", "slow", "--key", "listener", code=2)


def test_echo_of_one_key(launch, capsys) -> None:
    shown = told(capsys, "topic", "echo", "letter", "--key", "reader/1", "--count", "2", "--json")
    assert [json.loads(line)["key"] for line in shown.splitlines()] == ["reader/1"] * 2


def test_a_reader_of_echo_that_goes_away_is_no_error(launch) -> None:
    with command("topic", "echo", "slow", "--json") as echo:
        assert echo.stdout is not None
        assert echo.stderr is not None
        assert json.loads(echo.stdout.readline())["topic"] == "slow"
        echo.stdout.close()
        assert echo.stderr.read() == ""
        assert echo.wait() == 141


def test_ctrl_c_ends_quietly(launch) -> None:
    with command("topic", "hz", "slow") as hz:
        assert hz.stdout is not None
        hz.stdout.readline()
        hz.send_signal(signal.SIGINT)
        _, said = hz.communicate()
        assert (hz.returncode, said) == (130, "")


def test_a_slow_reader_disturbs_nobody(launch, session) -> None:
    before = snapshot(session)
    with command("topic", "echo", "fast", "--json", "--fields", "number") as echo:
        assert echo.stdout is not None
        first = json.loads(echo.stdout.readline())["fields"]["number"]
        os.kill(echo.pid, signal.SIGSTOP)
        # More than the queues on both sides and in between hold.
        enough = first + 3000
        until(lambda: node(snapshot(session), "hammer").sent["beat"] > enough, 20, "3,000 beats")
        after = snapshot(session)
        os.kill(echo.pid, signal.SIGCONT)
        numbers = [json.loads(echo.stdout.readline())["fields"]["number"] for _ in range(2500)]
        echo.kill()
    assert max(b - a for a, b in itertools.pairwise(numbers)) > 100, "nothing was dropped for the stopped one"
    for name in ("metronome", "hammer", "postman"):
        assert node(after, name).state == "running"
    for edge in node(after, "listener").edges:
        assert edge.lost == 0
        assert edge.rate_hz == pytest.approx(60 if edge.port == "slow" else 1000, rel=0.05)
    assert node(after, "listener").received - node(before, "listener").received > 3000


# ---- publishing ----------------------------------------------------------------------------------------------------


def test_pub_reaches_the_node_that_is_meant(launch, session, capsys) -> None:
    text = json.dumps({"text": "from outside"})
    shown = told(capsys, "topic", "pub", "letter", text, "--key", "reader/1", "--rate", "50", "--count", "5")
    assert shown == "publishing Letter to reader/1.letter\n"

    def came(name: str) -> int:
        edges = node(snapshot(session), name).edges
        return sum(edge.received for edge in edges if edge.publisher == "rtgraph topic pub")

    until(lambda: came("reader/1") == 5, 5, "five letters came")
    assert came("reader/0") == 0
    one = json.loads(told(capsys, "topic", "pub", "letter", text, "--key", "reader/0", "--json"))
    assert one == {"topic": "letter", "message": "Letter", "sent": 1, "inputs": ["reader/0.letter"]}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["letters", "{}"], "did you mean 'letter'?"),
        (["letter", "{}"], "text: missing 'text'"),
        (
            ["letter", '{"text": "x"}'],
            "'letter' is keyed: each of its messages is for one node, which must be named. hint: --key reader/0",
        ),
        (["letter", '{"text": "x"}', "--key", "reader/7"], "did you mean 'reader/"),
        (["letter", '{"txt": "x"}'], "did you mean 'text'?"),
        (["letter", '{"text": "x", "weight": -1}'], "weight: should be ≥ 0.0, not -1"),
        (["letter", "text"], "the message is not JSON"),
        (["letter", "[]"], "should be a JSON object with the fields of Letter"),
        (["slow", '{"number": 1}', "--key", "listener"], "'slow' is not keyed"),
        (["slow", '{"number": 1, "picture": [1, 2]}'], "picture"),
        (["slow", '{"number": 1}', "--rate", "0"], "should be above 0 and at most"),
    ],
)
def test_pub_that_cannot_be(launch, capsys, arguments, problem) -> None:
    assert problem in told(capsys, "topic", "pub", *arguments, code=2)


# ---- a program that is not a node ----------------------------------------------------------------------------------


def test_a_program_subscribes_and_publishes(launch, session) -> None:
    with attach(str(session.description.pid)) as graph:
        assert set(graph.topics) == {"slow", "fast", "letter"}
        beats = list(itertools.islice(graph.subscribe("slow", "fast"), 200))
        for source in ("metronome", "hammer"):
            numbers = [beat.number for beat in beats if beat.header.source == source]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        picture = next(beat.picture for beat in beats if beat.header.source == "hammer")
        assert (picture.shape, picture.dtype, picture.flat[0]) == ((100, 100), np.uint8, 7)
        assert graph.missed == 0
        letters = graph.subscribe("letter", key="reader/1")
        assert next(letters).text == "dear reader/1"
        both = graph.subscribe("slow", "letter", key="reader/1")
        kinds = {type(message).__name__ for message in itertools.islice(both, 200)}
        assert kinds == {"Beat", "Letter"}, "the key holds for keyed topics only"
        assert graph.publish("letter", Letter(text="from a program"), key="reader/1") == ["reader/1.letter"]
        assert list(graph.subscribe("slow", within_s=0)) == []
        waiting = graph.subscribe("slow")
        first = next(graph.subscribe("fast"))
        list(graph.subscribe("fast", within_s=0.2))
        assert next(waiting).header.stamp_ns < first.header.stamp_ns + 100_000_000, (
            "it came while nothing read"
        )
    with pytest.raises(LaunchError, match="not attached"):
        graph.publish("letter", Letter(text="late"), key="reader/1")
    with pytest.raises(LaunchError, match="not attached"):
        graph.subscribe("slow")


@pytest.mark.parametrize(
    ("use", "problem"),
    [
        (
            lambda graph: graph.subscribe("slov"),
            "no node of observed publishes 'slov'. hint: did you mean 'slow'?",
        ),
        (lambda graph: graph.subscribe("slow", key="listener"), "'slow' is not keyed"),
        (lambda graph: graph.publish("letters", Letter(text="x")), "did you mean 'letter'?"),
        (
            lambda graph: graph.publish("letter", Beat(number=1), key="reader/1"),
            "'letter' carries messages of Letter, not Beat",
        ),
        (lambda graph: graph.publish("letter", Letter(text="x")), "each of its messages is for one node"),
    ],
)
def test_a_program_gets_one_clear_error(launch, use, problem) -> None:
    with attach() as graph, pytest.raises(LaunchError) as raised:
        use(graph)
    assert problem in str(raised.value)
    assert "command line" not in str(raised.value)


# ---- nodes ---------------------------------------------------------------------------------------------------------


def test_running_nodes_are_listed(launch, capsys) -> None:
    listed = json.loads(told(capsys, "node", "list", "--live", "--json"))
    assert [one["node"] for one in listed] == [
        "metronome",
        "hammer",
        "listener",
        "postman",
        "reader/0",
        "reader/1",
    ]
    assert {one["pid"] for one in listed} <= set(launch.processes())
    assert re.search(
        r"metronome +support.observed:Metronome +\d+ +running", told(capsys, "node", "list", "--live")
    )


def test_a_running_node_is_told_of(launch, capsys) -> None:
    info = json.loads(told(capsys, "node", "info", "listener", "--json"))
    assert info["node_class"] == "support.observed:Listener"
    assert {edge["publisher"] for edge in info["edges"]} == {"metronome", "hammer"}
    assert 0 < info["private_bytes"] < info["resident_bytes"]
    shown = told(capsys, "node", "info", "metronome")
    assert re.search(r"output +topic +sent\nbeat +slow +\d+", shown)
    assert "did you mean 'listener'?" in told(capsys, "node", "info", "listner", code=2)


def test_top_once(launch, session, capsys) -> None:
    until(lambda: node(snapshot(session), "hammer").out_hz, 5, "rates are known")
    graph = json.loads(told(capsys, "top", "--once", "--json"))
    nodes = {one["node"]: one for one in graph["nodes"]}
    assert graph["name"] == "observed"
    assert nodes["metronome"]["out_hz"] == pytest.approx(60, rel=0.1)
    assert nodes["hammer"]["cpu_percent"] > nodes["postman"]["cpu_percent"] >= 0
    assert nodes["listener"]["unread"] > 60
    assert nodes["listener"]["age_ms"] < 500
    assert nodes["metronome"]["age_ms"] is None
    lines = told(capsys, "top", "--once", "--sort", "cpu").splitlines()
    assert lines[1].split() == [
        "NODE",
        "PID",
        "STATE",
        "CPU",
        "%",
        "RSS",
        "IN/s",
        "OUT/s",
        "LOST",
        "OVERWR",
        "QUEUE",
        "AGE",
    ]
    assert {lines[2].split()[0], lines[3].split()[0]} == {"hammer", "listener"}


@pytest.mark.parametrize(("pressed", "code"), [(b"q", 0), (b"\x03", 130)], ids=["q", "ctrl-c"])
def test_top_in_a_terminal(launch, pressed, code) -> None:
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    # In a new session with this terminal, so that Ctrl-C reaches it.
    run = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); " + COMMAND
    with command(
        args=[sys.executable, "-c", run, "top"], stdin=theirs, stdout=theirs, start_new_session=True
    ) as top:
        shown = b""
        while b"hammer" not in shown:
            shown += os.read(ours, 65536)
        os.write(ours, pressed)
        assert top.wait(10) == code
        assert top.stderr is not None
        assert top.stderr.read() == ""
    assert termios.tcgetattr(theirs)[3] == before[3], "the terminal is not as it was"
    os.close(ours)
    os.close(theirs)


def test_top_again_and_again(launch, capsys) -> None:
    first, second = map(json.loads, told(capsys, "top", "--json", "--count", "2").splitlines())
    assert second["now_s"] - first["now_s"] == pytest.approx(0.5, abs=0.3)


def test_the_drawing_of_a_running_graph(launch, session, capsys, tmp_path) -> None:
    until(lambda: node(snapshot(session), "listener").in_hz, 5, "rates are known")
    drawn = told(capsys, "graph", "--live")
    assert re.search(r'"slow · lossless · (59|60|61)\.\d Hz"', drawn)
    assert re.search(r'"fast · queue\(64\) · [\d,.]+ Hz, [\d,]+ overwritten"', drawn)
    assert re.search(r'"letter · queue\(16\) · [12]\d\.\d Hz"', drawn)
    told(capsys, "graph", "--live", "--out", str(tmp_path / "now.svg"))
    assert "overwritten" in (tmp_path / "now.svg").read_text()
    assert "leave out one of them" in told(capsys, "graph", "endless", "--live", code=2)


# ---- parameters ----------------------------------------------------------------------------------------------------


def test_parameters_are_listed(launch, capsys) -> None:
    listed = {one["node"]: one for one in json.loads(told(capsys, "param", "list", "--json"))}
    assert listed["hammer"]["params"]["rate_hz"] == 1000.0
    assert listed["hammer"]["changeable"] == ["gain"]
    shown = told(capsys, "param", "list", "metronome")
    assert re.search(r"metronome +rate_hz +60.0\s*\n +side +4\s*\n +gain +[\d.]+ +changeable", shown)
    assert told(capsys, "param", "list", "reader/*", "--changeable") == "nothing can be changed\n"


def test_a_parameter_is_changed_and_survives_the_node(launch, session, capsys) -> None:
    assert told(capsys, "param", "set", "metronome", "gain=2.5") == "metronome gain 2.5\n"
    assert told(capsys, "param", "get", "metronome", "gain") == "2.5\n"
    assert gain(capsys) == 2.5
    assert "changed: ['gain']" in launch.log("metronome")
    launch.kill("metronome")
    until(lambda: node(snapshot(session), "metronome").incarnation == 1, 10, "it is started again")
    until(lambda: node(snapshot(session), "metronome").state == "running", 10, "it runs")
    assert gain(capsys) == 2.5
    assert (
        told(capsys, "param", "get", "metronome", "gain", "rate_hz")
        == "metronome gain 2.5\nmetronome rate_hz 60.0\n"
    )


def test_a_value_that_a_node_fails_of_is_not_kept(launch, session, capsys) -> None:
    told(capsys, "param", "set", "metronome", "gain=4")
    life = node(snapshot(session), "metronome").incarnation
    assert "error: metronome failed: ValueError: too loud" in told(
        capsys, "param", "set", "metronome", "gain=9", code=1
    )
    until(lambda: node(snapshot(session), "metronome").incarnation == life + 1, 10, "it is started again")
    until(lambda: node(snapshot(session), "metronome").state == "running", 10, "it runs")
    assert gain(capsys) == 4.0


def gain(capsys: pytest.CaptureFixture[str]) -> float:
    """Return the metronome's current gain."""
    line = told(capsys, "topic", "echo", "slow", "--count", "1", "--json", "--fields", "gain")
    value: float = json.loads(line)["fields"]["gain"]
    return value


def test_parameters_of_several_nodes(launch, capsys) -> None:
    answer = json.loads(told(capsys, "param", "set", "[mh]*m*er", "gain=3", "--json"))
    assert answer == {"values": {"hammer": {"gain": 3.0}}, "problems": {}}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["metronome", "rate_hz=3"], "rate_hz: is read-only. hint: the changeable parameters are gain"),
        (["metronome", "gian=3"], "gian: there is no such parameter. hint: did you mean 'gain'?"),
        (["metronome", "gain=11"], "gain: should be ≤ 10.0, not 11.0"),
        (["metronome", "gain=loud"], "gain: should be a number, not 'loud'"),
        (["metronome", "gain=[1"], "gain: should be a number, not '[1'"),
        (["metronome", "gain=1", "gain=2"], "the parameter 'gain' is given twice"),
        (["metronome", "gain"], "is not KEY=VALUE"),
        (["postman", "gain=1"], "hint: it has no parameters"),
        (["*", "gain=1"], "there is no such parameter"),
        (["metronom", "gain=1"], "did you mean 'metronome'?"),
    ],
)
def test_a_change_that_cannot_be(launch, capsys, arguments, problem) -> None:
    before = told(capsys, "param", "get", "metronome", "gain")
    assert problem in told(capsys, "param", "set", *arguments, code=2)
    assert told(capsys, "param", "get", "metronome", "gain") == before


def test_a_parameter_that_is_not_there(launch, capsys) -> None:
    assert "did you mean 'gain'?" in told(capsys, "param", "get", "metronome", "gein", code=2)


# ---- which session -------------------------------------------------------------------------------------------------


def test_the_session_may_be_named(launch, session, capsys) -> None:
    names = ("observed", str(session.description.pid), str(launch.session))
    for name in names:
        assert "slow" in told(capsys, "topic", "list", "--session", name)
    assert "no running graph matches 'another'" in told(
        capsys, "topic", "list", "--session", "another", code=1
    )


def test_the_graph_was_not_disturbed(launch, session) -> None:
    """Runs last: none of the tests above caused a loss."""
    graph = snapshot(session)
    assert all(
        edge.lost == edge.refused == 0 for one in graph.nodes for edge in one.edges if one.node != "listener"
    )
    assert all(one.restarts == 0 for one in graph.nodes if one.node != "metronome")
