"""``rtgraph play``: a person, or a script, in the place of the agent."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from support.launching import Launch, until

from rtgraph.graphs import Plan, load_launch
from rtgraph.launch.cli import main
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.played import played
from rtgraph.msgs.bag import Bag
from rtgraph.msgs.errors import GraphError
from rtgraph.nodes.play import read_script
from rtgraph.nodes.play.script import SHIPPED

TICKS = 2400
SCRIPT = "NOOP 5\nLEFT 3\nDOWN 20\n"


def plan_of(file: str, arguments: dict[str, str] | None = None, world: str = "virtual") -> Plan:
    return load_launch(file, arguments, folders=FOLDERS, world=world, record=False)


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory) -> Path:
    """Return the session of the first fifth of the script that ships."""
    folder = tmp_path_factory.mktemp("played") / "s"
    arguments = ["--world", "virtual", "--script", "blocks", "--ticks", str(TICKS)]
    assert main(["play", "blocks", *arguments, "--no-plots", "--out", str(folder)]) == 0
    return folder


def test_the_shipped_demonstration_clears_lines_and_is_small(demonstration) -> None:
    bag = Bag.open(demonstration / "session.mcap")
    seen = [each.message() for each in bag.messages(topics=["observation"])]
    lines = [each.measurements.get("lines", 0) for each in seen]
    assert max(lines) >= 12
    assert not any(each.terminated for each in seen)
    assert sum(each.reward for each in seen) > 1_000
    assert (SHIPPED / "blocks.txt").stat().st_size < 100_000


def test_a_script_acts_on_every_tick_and_on_the_tick_it_names(demonstration) -> None:
    bag = Bag.open(demonstration / "session.mcap")
    done = [each.message() for each in bag.messages(topics=["applied"])]
    plan = Plan.from_yaml(bag.plan(""))
    human = next(node for node in plan.nodes if node.name == "human")
    script = read_script("blocks", plan_spec(human).action)
    assert len(done) == TICKS < len(script)
    assert {(one.by, one.age_ticks) for one in done[1:]} == {("policy", 1)}
    assert [one.action for one in done[1:]] == list(script[: TICKS - 1])
    assert human.params["script"] == "blocks", "no path of this machine is in the recording"


def plan_spec(human):
    from rtgraph.nodes.play import HumanParams

    return HumanParams.model_validate(human.params).plant


def test_the_same_script_gives_the_same_session(tmp_path) -> None:
    (tmp_path / "s.txt").write_text(SCRIPT)
    arguments = ["--world", "virtual", "--script", str(tmp_path / "s.txt"), "--seed", "4", "--no-plots"]
    for out in ("one", "two"):
        assert main(["play", "blocks", "state=level5", *arguments, "--out", str(tmp_path / out)]) == 0
    one, two = ((tmp_path / out / "session.mcap").read_bytes() for out in ("one", "two"))
    assert one == two
    assert main(["bag", "verify", str(tmp_path / "one" / "session.mcap"), "--json"]) == 0


def test_the_agent_is_left_out_and_the_rest_stays() -> None:
    plan = played(plan_of("blocks", {"learn": "true"}, "realtime"), script=None, record=None)
    assert [node.name for node in plan.nodes] == ["plant", "monitor", "human", "session/recorder"]
    assert plan.weights == {}
    plant, monitor, human, recorder = plan.nodes
    assert plant.inputs["decision"].publishers == ("human",)
    assert monitor.inputs["decision"].publishers == ("human",)
    assert plant.params["publish_screen"]
    assert plant.params["gate"] == {"kind": "latest"}
    assert human.params["idle"] == 0
    assert recorder.params["exclude"] == ["screen"]
    assert plant.journal
    assert not human.journal, "a journal does not hold what a person presses"


def test_what_is_recorded_is_as_for_a_launch() -> None:
    realtime = plan_of("blocks", {"screen": "true"}, "realtime")
    recorder = played(realtime, script=None, record=None).nodes[-1]
    assert recorder.params["exclude"] == []
    chosen = played(realtime, script=None, record={"topics": ["observation"]}).nodes[-1]
    assert chosen.params["topics"] == ["observation"]
    assert played(realtime, script=None, record=False).nodes[-1].name == "human"


def test_an_environment_without_images_can_be_played() -> None:
    ids = {"id": "support.edges:Unseen-v0", "rate_hz": "50"}
    plan = played(plan_of("gymnasium", ids, "realtime"), script=None, record=False)
    assert not next(node for node in plan.nodes if node.name == "plant").params.get("render")


def test_actions_of_other_plants_have_an_idle_one() -> None:
    ids = {"id": "CartPole-v1", "rate_hz": "50"}
    for file, arguments, idle in (("catch", {}, 1), ("boxing", {}, 0), ("gymnasium", ids, 0)):
        plan = played(plan_of(file, arguments, "realtime"), script=None, record=False)
        human = next(node for node in plan.nodes if node.name == "human")
        assert human.params["idle"] == idle, file


INTERRUPTED = """
import signal
from rtgraph.msgs import Observation
from rtgraph.nodes import Input, Node, Params, {policy}

class Interrupts(Node[Params]):
    observation = Input(Observation, {policy})

    def on_observation(self, message) -> None:
        if self.now_ns >= 10**9:
            signal.raise_signal(signal.SIGINT)
        self.spend(10**9, None)
"""


@pytest.mark.parametrize(("policy", "code"), [("lossless", 3), ("latest", 0)])
def test_what_was_lost_is_told_after_ctrl_c_too(tmp_path, monkeypatch, policy, code) -> None:
    """Ctrl-C is a way to end a game, so the exit code says only whether a lossless input lost anything."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"interrupts_{policy}.py").write_text(INTERRUPTED.format(policy=policy))
    (tmp_path / "nodes.yaml").write_text(f"nodes:\n  slow: {{class: 'interrupts_{policy}:Interrupts'}}\n")
    (tmp_path / "game.yaml").write_text(
        "graphs:\n  - {graph: catch, arguments: {learn: false}}\n  - {graph: ./nodes.yaml}\nworld: virtual\n"
    )
    (tmp_path / "s.txt").write_text("0 200\n")
    arguments = [
        "game.yaml",
        "--world",
        "virtual",
        "--script",
        "s.txt",
        "--no-record",
        "--no-plots",
        "--out",
        "out",
    ]
    assert main(["play", *arguments]) == code
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["ended"] == "SIGINT"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["blocks", "--world", "virtual"],
            "error: command line: a person can play in real time only. hint: use --world",
        ),
        (
            ["gymnasium", "id=Pendulum-v1", "rate_hz=20"],
            "discrete actions, and this plant has continuous actions",
        ),
        (
            ["blocks", "--script", "bad.txt"],
            "error: bad.txt:2: 'JUMP' is not an action of this plant. hint: ",
        ),
        (["blocks", "--script", "none.txt"], "error: none.txt: the script cannot be read: No such file"),
    ],
)
def test_what_nobody_can_play_is_one_error(tmp_path, monkeypatch, capsys, arguments, says) -> None:
    (tmp_path / "bad.txt").write_text("LEFT\nJUMP\n")
    monkeypatch.chdir(tmp_path)
    assert main(["play", *arguments]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "sessions").exists()


def test_without_pygame_the_error_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(
        GraphError, match=r"needs pygame-ce, which is not installed. hint: pip install 'rtgraph\[play\]'"
    ):
        played(plan_of("blocks", world="realtime"), script=None, record=None)


def test_a_script_is_played_in_real_time_until_it_is_over(tmp_path, monkeypatch) -> None:
    pytest.importorskip("pygame", reason="pip install 'rtgraph[play]'")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    (tmp_path / "s.txt").write_text(SCRIPT)
    with Launch(
        "play", "blocks", "--script", str(tmp_path / "s.txt"), "--out", "out", "--no-plots"
    ) as launch:
        assert launch.wait() == 0, launch.stderr
        assert launch.summary()["ended"] == "human: the script is over, 28 ticks"
        bag = Bag.open(launch.session / "session.mcap")
        done = [each.message() for each in bag.messages(topics=["applied"])]
        wanted = np.repeat([0, 3, 6], [5, 3, 20])
        policy = {one.tick: one.action for one in done if one.by == "policy"}
        assert policy
        assert all(action == wanted[tick - 1] for tick, action in policy.items())
        assert "screen" not in {channel.topic for channel in bag.channels}


def test_ctrl_c_ends_a_game_as_closing_the_window_does(monkeypatch) -> None:
    pytest.importorskip("pygame", reason="pip install 'rtgraph[play]'")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    with Launch("play", "catch", "--out", "out", "--no-plots") as launch:
        until(lambda: launch.process("human") or launch.popen.poll() is not None, 30, "a person is there")
        launch.says("catch-play ...")
        launch.interrupt(signal.SIGINT)
        assert launch.wait() == 0, launch.stderr
        assert launch.summary()["ended"] == "SIGINT"


def test_without_a_display_nothing_runs_and_the_error_says_why(monkeypatch) -> None:
    pytest.importorskip("pygame", reason="pip install 'rtgraph[play]'")
    for name in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with Launch("play", "catch", "--out", "out", "--no-plots") as launch:
        assert launch.wait() == 1
        errors = [line for line in launch.stderr.splitlines() if line.startswith("error")]
        assert len(errors) == 1
        assert "no window can be opened" in errors[0]
