"""Node classes beside the graph file, in every process of a launch, with no PYTHONPATH."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

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
    # In nobody's way, though the processes run in its folder.
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
