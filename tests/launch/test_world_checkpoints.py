"""Launches that write world checkpoints, and launches that resume from them."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest
from support.launching import Launch, until

from rtgraph.launch.bags.verification import verify
from rtgraph.launch.cli import main
from rtgraph.launch.world import world_checkpoints as worlds
from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.errors import BagError
from rtgraph.nodes.recorder.provenance import TIME_BASE_FACT, facts
from rtgraph.nodes.runtime.checkpoint.files import SnapshotFile

BOXING = ("boxing", "k=0.0625", "workers=6", "--world", "virtual", "--seed", "2", "--no-plots")
ENDLESS = ("endless", "workers=2", "--world", "virtual", "--no-plots")


def launched(out: Path, *arguments: str, code: int = 0) -> dict[str, object]:
    assert main(["launch", *arguments, "--out", str(out)]) == code
    return json.loads((out / "summary.json").read_text())


def checkpoints(session: Path) -> list[str]:
    return sorted(path.name for path in (session / "world").glob("*.world"))


def recorded(session: Path) -> list[tuple[str, int, int, bytes]]:
    """Return all published messages in order: channel, incarnation and sequence, and the bytes."""
    bag = Bag.open(session / "session.mcap")
    return [
        (message.channel.publisher + message.channel.topic, message.sequence, message.log_ns, message.data)
        for message in bag.messages()
    ]


def without_recorder(summary: dict[str, object]) -> dict[str, object]:
    nodes = dict(summary["nodes"])
    del nodes["session/recorder"]
    return summary | {"nodes": nodes}


def test_a_launch_that_goes_on_is_the_same_to_the_bit(tmp_path: Path, capsys) -> None:
    whole = launched(tmp_path / "whole", *BOXING, "--ticks", "120")
    kept = launched(tmp_path / "kept", *BOXING, "--ticks", "80", "--checkpoint-every", "0.5")
    assert kept["ticks"] == 80
    # At 0.5 s and 1 s, and at the end; the last two are kept.
    assert checkpoints(tmp_path / "kept") == ["000002.world", "000003.world"]
    # Only the end may differ. Without FILE the plan is the session's.
    resumed = launched(
        tmp_path / "resumed", "--resume-world", str(tmp_path / "kept"), "--ticks", "120", "--no-plots"
    )
    said = capsys.readouterr()
    assert "resuming at 1." in said.out + said.err
    # Of the 120 ticks it ran 40, two thirds of a second.
    told = re.findall(r"([\d.]+) s of wall time, ([\d.]+) × real time", said.out + said.err)
    wall_s, speed = map(float, told[-1])
    assert (wall_s - 0.05) * (speed - 0.05) < 0.7 < (wall_s + 0.05) * (speed + 0.05) + 0.1
    assert without_recorder(resumed) == without_recorder(whole)
    assert (tmp_path / "resumed/trace.npz").read_bytes() == (tmp_path / "whole/trace.npz").read_bytes()
    later = recorded(tmp_path / "resumed")
    assert 200 < len(later) < 0.7 * len(recorded(tmp_path / "whole"))
    assert later == recorded(tmp_path / "whole")[-len(later) :]
    assert resumed["nodes"]["session/recorder"]["lost"] == 0
    assert main(["launch", "--resume-world", str(tmp_path / "kept"), "--out", str(tmp_path / "no")]) == 1
    assert "has already run 80 ticks. hint: set a higher limit: --ticks N" in capsys.readouterr().err
    with pytest.raises(BagError, match="where an earlier session stopped"):
        verify(Bag.open(tmp_path / "resumed" / "session.mcap"))
    # It writes checkpoints at the interval of the resumed session.
    assert checkpoints(tmp_path / "resumed") == ["000001.world", "000002.world"]


def test_what_is_learned_is_the_same_to_the_bit(tmp_path: Path) -> None:
    learning = (
        "delay_learning",
        "minimum=60",
        "learners=2",
        "sampling=prioritised",
        "n_step=2",
        "--no-plots",
    )
    whole = launched(tmp_path / "whole", *learning, "--ticks", "200")
    launched(tmp_path / "kept", *learning, "--ticks", "150", "--checkpoint-every", "2.1")
    resumed = launched(
        tmp_path / "resumed", "--resume-world", str(tmp_path / "kept"), "--ticks", "200", "--no-plots"
    )
    assert resumed == whole
    assert whole["nodes"]["learner"]["version"] > 20
    written = [
        path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*") if path.is_file()
    ]
    compared = [path for path in written if path.suffix in (".safetensors", ".csv", ".npz")]
    assert len(compared) >= 4
    for path in compared:
        assert (tmp_path / "resumed" / path).read_bytes() == (tmp_path / "whole" / path).read_bytes(), path


def test_another_plan_is_refused_in_one_line(tmp_path: Path, capsys) -> None:
    launched(tmp_path / "kept", *ENDLESS, "--ticks", "90", "--checkpoint-every", "1")
    capsys.readouterr()
    resume = ["--resume-world", str(tmp_path / "kept")]
    assert main(["launch", *ENDLESS, "--seed", "9", *resume, "--out", str(tmp_path / "a")]) == 1
    assert "ran another plan" in capsys.readouterr().err
    assert main(["launch", *ENDLESS, *resume, "--ticks", "99", "--out", str(tmp_path / "same")]) == 0
    assert main(["launch", *resume, "--seed", "9", "--out", str(tmp_path / "b")]) == 2
    assert "--seed changes the plan" in capsys.readouterr().err
    assert main(["launch", "--resume-world", str(tmp_path), "--out", str(tmp_path / "c")]) == 1
    assert "is not a session" in capsys.readouterr().err


def test_a_damaged_checkpoint_makes_way_for_the_one_before(tmp_path: Path, capsys) -> None:
    launched(tmp_path / "kept", *ENDLESS, "--ticks", "200", "--checkpoint-every", "1")
    older, newer = sorted((tmp_path / "kept/world").iterdir())
    newer.write_bytes(newer.read_bytes()[:-100])
    resume = ["launch", "--resume-world", str(tmp_path / "kept"), "--no-plots"]
    capsys.readouterr()
    assert main([*resume, "--out", str(tmp_path / "a")]) == 0
    told = capsys.readouterr()
    assert "is damaged" in told.err + told.out
    older.unlink()
    assert main([*resume, "--out", str(tmp_path / "b")]) == 1
    newer.unlink()
    assert main([*resume, "--out", str(tmp_path / "c")]) == 1
    assert "has no world checkpoint" in capsys.readouterr().err


def test_checkpoints_are_of_the_virtual_world(tmp_path: Path, capsys) -> None:
    out = ["--out", str(tmp_path / "a")]
    assert main(["launch", "boxing", "--world", "realtime", "--checkpoint-every", "5", *out]) == 2
    assert "need the virtual world" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["launch", "endless", "--world", "virtual", "--checkpoint-every", "0", *out])
    assert main(["launch"]) == 2
    assert "no launch file is given" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill", "interrupt"])
def test_a_launch_that_was_ended_goes_on(tmp_path: Path, number: int) -> None:
    whole = launched(tmp_path / "whole", *ENDLESS, "--ticks", "2500")
    with Launch("launch", *ENDLESS, "--checkpoint-every", "5", "--out", "out") as launch:
        folder = launch.session / "world"
        until(lambda: folder.exists() and checkpoints(launch.session), 30, "a checkpoint is there")
        os.kill(launch.popen.pid, number)
        assert launch.wait() == (-number if number == signal.SIGKILL else 128 + number)
        number_of_newest = int(checkpoints(launch.session)[-1].partition(".")[0])
        newest = SnapshotFile(folder / checkpoints(launch.session)[-1]).head["time_ns"]
        # The n-th was due at n · 5 s and has the time of the event just before. An interrupt writes one more, earlier.
        due_ns = number_of_newest * 5_000_000_000
        assert due_ns - 100_000_000 < newest < due_ns if number == signal.SIGKILL else newest < due_ns
        resume = ("--resume-world", str(launch.session), "--no-plots", "--ticks", "2500")
        resumed = launched(tmp_path / "resumed", *resume)
    assert without_recorder(resumed) == without_recorder(whole)
    assert (tmp_path / "resumed/trace.npz").read_bytes() == (tmp_path / "whole/trace.npz").read_bytes()


def test_a_checkpoint_of_another_time_base_is_refused(tmp_path: Path, monkeypatch, capsys) -> None:
    def older(world: str) -> dict[str, str]:
        return {name: value for name, value in facts(world).items() if name != TIME_BASE_FACT}

    with monkeypatch.context() as patched:
        patched.setattr(worlds, "facts", older)
        launched(tmp_path / "older", *ENDLESS, "--ticks", "30", "--checkpoint-every", "0.2")
    arguments = ["--resume-world", str(tmp_path / "older"), "--ticks", "60", "--out", str(tmp_path / "new")]
    assert main(["launch", *arguments]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert (
        "older cannot be resumed: an older version of rtgraph wrote it, which rounded the times of ticks differently"
        in said
    )
    assert "hint: launch it again" in said
    assert "Traceback" not in said
