"""A game played through the pixels of a stream and buttons on a line, against the console's peer at 60 Hz."""

from __future__ import annotations

import json
import os
import signal
from itertools import pairwise

import numpy as np
import pytest
from support.console import Console
from support.filmed import LIVES, Filmed, learned
from support.launching import Launch, until

from rtgraph.launch.cli import main
from rtgraph.msgs.bag import Bag
from rtgraph.nodes.robot.screen import ScreenFile

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

PERIOD_MS = 1000 / 60
GRAPH = """\
description: Breakout on a filmed screen, played by what it sees.
includes:
  - {graph: screen_plant, expose: true}
nodes:
  tracker: {class: "support.tracking:Tracker"}
"""
END = [{"kind": "counter", "counter": "lives", "at_most": 0}]
RESET = [{"press": ["RESET"], "s": 0.2}, {"s": 0.3}]


@pytest.fixture
def setup(tmp_path):
    """Return a console, and the arguments of a launch that plays on it."""
    file = learned(Filmed()).model_dump(mode="json")
    score = file["counters"]["score"]
    lives = {**score, "region": LIVES, "digits": 1, "weight": 0.0, "least": -1, "most": 1}
    counters = {"score": score, "lives": lives}
    whole = ScreenFile.model_validate(file | {"counters": counters, "end": END, "reset": RESET})
    whole.write(tmp_path / "screen.yaml")
    graph = tmp_path / "game.yaml"
    graph.write_text(GRAPH)
    with Console(tmp_path, noise=6.0) as console:
        arguments = [str(graph), f"camera={console.url}", f"port={console.port}"]
        yield console, [*arguments, f"screen_file={tmp_path / 'screen.yaml'}", "actions=NOOP FIRE RIGHT LEFT"]


def test_a_game_is_played_and_its_score_is_read(setup, tmp_path):
    console, arguments = setup
    given = [*arguments, "--duration", "12", "--record", "--no-plots", "--out", str(tmp_path / "session")]
    with Launch("launch", *given) as launch:
        assert launch.wait(100) == 0, launch.stderr
    bag = Bag.open(tmp_path / "session" / "session.mcap")
    observations = [one.message() for one in bag.messages(topics=["observation"])]
    applied = [one.message() for one in bag.messages(topics=["applied"])]
    frames = console.frames
    assert {name for frame in frames for name in frame["pressed"]} >= {"RESET", "FIRE"}
    assert sum(one.by == "policy" for one in applied) > 0.9 * len(applied)
    # Each score that was read was drawn, in this order, and their changes are the rewards.
    read = [one.measurements["score"] for one in observations if "score" in one.measurements]
    changes = [now for before, now in pairwise(read) if now != before]
    drawn = [frame["score"] for frame in frames]
    truth = [now for before, now in pairwise(drawn) if now != before]
    assert changes == truth[: len(changes)]
    assert len(truth) - len(changes) <= 1
    assert sum(one.reward for one in observations) == sum(np.diff([0.0, *changes]).clip(0))
    states = [one.message().state for one in bag.messages(topics=["robot"])]
    assert states[0] == "connecting"
    assert states.index("homing") < states.index("running")
    assert states[-1] == "stopped"
    assert frames[-1]["pressed"] == []


def test_a_killed_plant_leaves_no_button_pressed(setup):
    console, arguments = setup
    with Launch("launch", *arguments, "--duration", "60", "--out", "out", "--no-plots") as launch:
        until(lambda: len(console.changes) > 6, 40.0, "buttons are pressed")
        before = len(console.changes)
        until(lambda: console.changes[before:][-1:] and console.changes[-1]["mask"], 20.0, "one is pressed")
        plant = launch.kill("plant", signal.SIGSTOP)
        until(lambda: not console.changes[-1]["mask"], 5.0, "it is released")
        released = len(console.changes)
        os.kill(plant, signal.SIGKILL)
        until(lambda: len(console.changes) > released + 2, 30.0, "the plant's successor plays on")
        launch.popen.send_signal(signal.SIGINT)
        launch.wait()
    assert console.changes[-1]["mask"] == 0


def test_the_measured_latency_is_within_a_frame_of_the_truth(setup, tmp_path, capsys):
    console, _ = setup
    given = ["--file", str(tmp_path / "screen.yaml"), "--port", str(console.port), "--buttons", "LEFT,RIGHT"]
    given += ["--region", "8,186,144,10", "--times", "12", "--json"]
    assert main(["screen", "latency", console.url, *given]) == 0
    measured = json.loads(capsys.readouterr().out)
    frames = console.frames
    at = np.array([frame["at"] for frame in frames])
    truth = []
    for change in console.changes:
        if change["mask"]:
            first = int(np.searchsorted(at, change["at"]))
            before = frames[first - 1]["crc"]
            shown = next(frame for frame in frames[first:] if frame["crc"] != before)
            truth.append((shown["at"] - change["at"]) / 1e6)
    assert len(truth) == 12
    assert measured["missed"] == 0
    assert abs(measured["p50_ms"] - np.median(truth)) < PERIOD_MS
