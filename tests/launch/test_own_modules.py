"""Node classes beside the graph file, in every process of a launch, without PYTHONPATH."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support.own_modules import forgotten_modules, write_class, write_graph

from rtgraph.graphs import load_launch
from rtgraph.launch.bags.verification import verify
from rtgraph.launch.console.status import Silent
from rtgraph.launch.run import run
from rtgraph.launch.world.world_checkpoints import CheckpointSettings, plan_of
from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.errors import BagError, CheckpointError, NodeError
from rtgraph.nodes.recorder.recorded import recorded_types
from rtgraph.nodes.runtime.classes import imports, local_modules

__all__ = ["forgotten_modules"]

CLASS = """
import queue

from rtgraph.nodes import Node, Params


class Counter(Node[Params]):
    def on_start(self) -> None:
        self.ticks = 0
        self.every(10_000_000, self.tick)

    def tick(self) -> None:
        self.ticks += 1
        if self.ticks == 5:
            self.finish(f"{self.name} counted, {queue.Queue.__module__} is whole")
"""
GRAPH = """
arguments:
  python: {type: str, default: null}
nodes:
  counter: {class: "beside_counter:Counter", python: "${python}"}
"""
COMMAND = "import sys; sys.path.remove(''); from rtgraph.launch.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.mark.parametrize("own", [[], [f"python={sys.executable}"]], ids=["forked", "own python"])
def test_a_class_beside_the_file_runs(own, tmp_path) -> None:
    folder, elsewhere = tmp_path / "graphs", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (folder / "counted.yaml").write_text(GRAPH)
    (folder / "beside_counter.py").write_text(CLASS)
    # Shadows nothing, although the processes run in its folder.
    (elsewhere / "queue.py").write_text("raise RuntimeError('in the way')\n")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            COMMAND,
            "launch",
            str(folder / "counted.yaml"),
            *own,
            "--out",
            "out",
            "--no-plots",
        ],
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "counter counted, queue is whole" in (elsewhere / "out" / "summary.json").read_text()


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """Return a session that ran `graphs/camera.py`, for a process in another folder that has not imported it."""
    write_class(tmp_path / "graphs" / "camera.py")
    graph = write_graph(
        tmp_path / "graphs" / "g.yaml",
        "camera:Beside",
        includes="includes: [{graph: endless, arguments: {workers: 1, latency_frames: 1}}]",
    )
    plan = load_launch(graph, world="virtual", ticks=30)
    ran = run(plan, Silent(), directory=tmp_path / "session", checkpoints=CheckpointSettings(every_s=0.2))
    assert ran.code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    forget(monkeypatch)
    return tmp_path


def forget(monkeypatch) -> None:
    monkeypatch.setattr(local_modules, "_known", {})
    imports.pin({})
    for name in list(imports._loaded):
        imports._forget_another(name)


def camera(folder):
    bag = Bag.open(folder / "session.mcap")
    (verdict,) = (verdict for verdict in verify(bag).nodes if verdict.node == "watcher")
    return verdict


def test_a_recording_is_verified_from_elsewhere_by_its_session_folder(recorded) -> None:
    verdict = camera(recorded / "session")
    assert (verdict.outcome, verdict.note) == ("same", "")
    assert verdict.published > 10


def test_neither_the_recording_nor_the_summary_holds_a_path(recorded) -> None:
    for file in ("session.mcap", "summary.json", "plan.yaml"):
        assert str(recorded).encode() not in (recorded / "session" / file).read_bytes(), file


@pytest.mark.parametrize(
    ("text", "outcome", "says"),
    [
        (None, "unverifiable", "camera.py, which the recorded launch used, is not found"),
        (
            "# other\n",
            "unverifiable",
            "camera.py is not the file that the recorded launch used (camera.py has other content)",
        ),
        ("", "same", ""),
    ],
)
def test_a_recording_that_was_moved_finds_the_file_beside_it_or_here(
    text, outcome, says, recorded, monkeypatch
) -> None:
    (recorded / "moved").mkdir()
    (recorded / "session" / "session.mcap").rename(recorded / "moved" / "session.mcap")
    source = (recorded / "graphs" / "camera.py").read_text()
    (recorded / "graphs" / "camera.py").unlink()
    if text is not None:
        (recorded / "elsewhere" / "camera.py").write_text(source + text)
    verdict = camera(recorded / "moved")
    assert (verdict.outcome, verdict.note) == (outcome, says)


def test_a_namesake_in_the_current_folder_is_not_run(recorded) -> None:
    write_class(recorded / "elsewhere" / "camera.py", 2.0)
    assert camera(recorded / "session").outcome == "same"


def test_players_find_the_classes_of_a_recording_from_elsewhere(recorded, monkeypatch) -> None:
    bag = Bag.open(recorded / "session" / "session.mcap")
    assert "BesideSeen" in recorded_types(bag)
    forget(monkeypatch)
    (recorded / "graphs" / "camera.py").unlink()
    with pytest.raises(
        BagError, match=r"camera.py, which the recorded launch used, is not found. hint: put it beside"
    ):
        recorded_types(bag)


def test_a_world_goes_on_from_elsewhere_with_the_same_file_only(recorded, monkeypatch) -> None:
    plan = plan_of(recorded / "session").model_copy(update={"ticks": 40})
    checkpoints = CheckpointSettings(resume=recorded / "session")
    assert run(plan, Silent(), directory=recorded / "more", checkpoints=checkpoints).code == 0
    forget(monkeypatch)
    write_class(recorded / "graphs" / "camera.py", 2.0)
    with pytest.raises(NodeError, match=r"camera.py is not the file that the recorded launch used"):
        run(plan, Silent(), directory=recorded / "other", checkpoints=checkpoints)
    changed = load_launch(recorded / "graphs" / "g.yaml", world="virtual", ticks=40)
    with pytest.raises(CheckpointError, match=r"camera.py has changed since .*session ran with it"):
        run(changed, Silent(), directory=recorded / "another", checkpoints=checkpoints)
