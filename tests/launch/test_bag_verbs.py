"""`rtgraph bag`, action by action, on a recording of the virtual world."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.bags import rows, write
from support.sessions import RECORDING, flipped, recorded, rewritten

from rtgraph.graphs.resolving.recording import stand_ins
from rtgraph.launch.cli import main
from rtgraph.msgs.bag import Bag
from rtgraph.msgs.errors import BagError


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    out = tmp_path_factory.mktemp("bags") / "session"
    recorded("boxing", out, {"k": "0.0625", "workers": "2", "latency_frames": "1.5"}, ticks=90)
    return out


def told(capsys, *arguments, code=0):
    try:
        ended = main(["bag", *map(str, arguments)])
    except SystemExit as error:
        ended = int(error.code or 0)
    captured = capsys.readouterr()
    assert ended == code, captured.err
    return captured.out if code in (0, 3) else captured.err + captured.out


def test_info_says_what_is_in_it(session, capsys):
    text = told(capsys, "info", session / RECORDING)
    assert "90" in text
    assert "observation" in text
    found = json.loads(told(capsys, "info", session, "--json"))
    assert found["complete"]
    rows = {(row["topic"], row["publisher"]): row for row in found["topics"]}
    row = rows["observation", "plant"]
    assert (row["schema"], row["count"], row["lost"]) == ("Observation", 90, 0)
    assert row["rate_hz"] == pytest.approx(60, rel=0.03)
    assert told(capsys, "info", session, "--plan") == (session / "plan.yaml").read_text()


def test_info_of_half_a_file_warns_and_says_what_is_left(session, tmp_path, capsys):
    data = (session / RECORDING).read_bytes()
    (tmp_path / "half.mcap").write_bytes(data[: len(data) * 2 // 3])
    assert main(["bag", "info", str(tmp_path / "half.mcap"), "--json"]) == 0
    captured = capsys.readouterr()
    assert "warning" in captured.err
    assert not json.loads(captured.out)["complete"]


@pytest.mark.parametrize("action", ["info", "verify", "graph", "recover", "play"])
def test_what_is_no_recording_is_told_in_a_line(action, tmp_path, capsys):
    (tmp_path / "no.mcap").write_text("not at all")
    error = told(capsys, action, tmp_path / "no.mcap", code=1)
    assert error.count("\n") == 1 or "recovering" in error
    assert "no.mcap" in error


def test_verify_passes_and_fails_by_its_exit_code(session, tmp_path, capsys):
    assert "passed" in told(capsys, "verify", session / RECORDING)

    def change(message):
        hit = message.channel.topic == "applied" and message.sequence == 30
        return flipped(message.data, -20) if hit else message.data

    changed = rewritten(session / RECORDING, tmp_path / "changed.mcap", change)
    text = told(capsys, "verify", changed, code=1)
    assert "applied 30 of plant" in text
    found = json.loads(told(capsys, "verify", session, "--nodes", "worker/*", "--json"))
    assert found["passed"]
    assert [node["node"] for node in found["nodes"]] == ["worker/0", "worker/1"]


def test_the_graph_is_drawn(session, tmp_path, capsys):
    text = told(capsys, "graph", session / RECORDING)
    assert text.startswith("flowchart")
    assert "worker" in text
    told(capsys, "graph", session / RECORDING, "--out", tmp_path / "graph.svg")
    assert (tmp_path / "graph.svg").read_text().startswith("<svg")


def test_a_damaged_file_is_recovered(session, tmp_path, capsys):
    data = (session / RECORDING).read_bytes()
    (tmp_path / "half.mcap").write_bytes(data[: len(data) // 2])
    found = json.loads(told(capsys, "recover", tmp_path / "half.mcap", "--json", code=3))
    bag = Bag.open(Path(found["file"]))
    assert bag.complete
    assert sum(bag.counts.values()) == found["messages"] > 0
    assert bag.plan_yaml == (session / "plan.yaml").read_text()


def test_exports_are_written_beside_the_recording(session, tmp_path, capsys):
    file = tmp_path / RECORDING
    shutil.copy(session / RECORDING, file)
    told(capsys, "export", file, "--to", "npz")
    with np.load(tmp_path / "session.npz") as run:
        assert run["observation/value"].shape == (90, 84, 84)
    found = json.loads(
        told(capsys, "export", file, "--to", "gif", "--start", "0.5", "--duration", "0.25", "--json")
    )
    assert found["target"] == "gif"
    assert (tmp_path / "session.gif").exists()
    assert "already exists" in told(capsys, "export", file, "--to", "npz", code=1)


def test_options_of_a_target_are_given_by_name(session, tmp_path, capsys):
    export = (
        "export",
        session / RECORDING,
        "--to",
        "lerobot",
        "--duration",
        "0.5",
        "--out",
        tmp_path / "set",
    )
    error = told(capsys, *export, "--option", "qualty=23", code=1)
    assert "lerobot has no option 'qualty'. hint: did you mean quality?" in error
    found = json.loads(told(capsys, *export, "--option", "quality=23", "--option", "task=box", "--json"))
    assert found["files"] == [str(tmp_path / "set")]
    info = json.loads((tmp_path / "set/meta/info.json").read_text())
    assert info["features"]["observation.image"]["info"]["video.pix_fmt"] == "yuv420p"
    assert info["total_frames"] == found["messages"] > 20


def test_playing_nothing_is_told(session, capsys, tmp_path):
    write(
        tmp_path / "short.mcap", rows(4)
    )  # nothing was published from 2,400 to 2,600 ns, but one message was received then
    assert "short.mcap is damaged" in told(capsys, "play", tmp_path / "short.mcap", code=1)
    span = "--start", "2.39e-6", "--duration", "2e-7"
    assert "no message of the chosen topics" in told(capsys, "play", tmp_path / "short.mcap", *span, code=1)
    remapped = told(capsys, "play", session / RECORDING, "--remap", "observation=a b", code=1)
    assert "--remap: 'a b' is not a topic" in remapped
    for option in ("--topics", "--exclude"):
        missing = told(capsys, "play", session / RECORDING, option, "obervation", code=1)
        assert "'obervation' matches no topic of" in missing
        assert "hint: did you mean 'observation'?" in missing
    assert "no message of the chosen topics" in told(
        capsys, "play", session / RECORDING, "--exclude", "*", code=1
    )
    assert "no topic 'nosuch' is played" in told(
        capsys, "play", session / RECORDING, "--remap", "nosuch=new", code=1
    )
    without = ("--exclude", "observation", "--remap", "observation=new")
    assert "no topic 'observation' is played" in told(capsys, "play", session / RECORDING, *without, code=1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("ctl", "pause"), "no graph with a player is running"),
        (("keep",), "no graph with a recorder is running"),
        (("record",), "no graph is running"),
    ],
)
def test_nobody_to_talk_to_is_told(arguments, says, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert says in told(capsys, *arguments, code=1)


@pytest.mark.parametrize(
    "action", ["info", "play", "ctl", "record", "keep", "recover", "verify", "graph", "export"]
)
def test_every_action_has_an_example_in_its_help(action, capsys):
    assert f"rtgraph bag {action}" in told(capsys, action, "--help")


def test_a_hole_in_the_middle_is_found_by_those_who_look_or_play(session, tmp_path, capsys):
    data = bytearray((session / RECORDING).read_bytes())
    middle = len(data) // 3
    data[middle : middle + 200] = bytes(200)
    (tmp_path / "hole.mcap").write_bytes(data)
    assert told(capsys, "info", tmp_path / "hole.mcap", "--check", code=1)
    with pytest.raises(BagError, match="is damaged"):
        recorded(
            "boxing",
            tmp_path / "again",
            {"k": "0.0625", "workers": "2", "latency_frames": "1.5"},
            ticks=None,
            replace=stand_ins(str(tmp_path / "hole.mcap"), ["plant"]),
        )
