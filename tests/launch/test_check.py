"""`check` refuses everything that a launch refuses before it starts, with the same error."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from support.ports import free_ports

from rtgraph.launch.cli import main

Captured = pytest.CaptureFixture[str]

ONE_HOT = """\
includes: [{graph: delay_plant}]
weights: {policy: {network: {kind: mlp, one_hot: 10}, plant: plant}}
"""
NO_FRAMES = """\
includes: [{graph: inaction_plant}]
weights: {policy: {network: {kind: impala}, plant: plant}}
"""
ENDLESS = 'plant: {class: "rtgraph.nodes.emulator:Endless"}'
WORKER = 'class: "rtgraph.nodes.inference:Worker"'
ACTS = 'plant: "${spec:plant}"'
FILES = {
    "one_hot": ONE_HOT,
    "no_frames": NO_FRAMES,
    "silent": """\
nodes:
  plant: {class: "rtgraph.nodes.emulator:Endless", replicas: 0}
  monitor: {class: "rtgraph.nodes.monitor:Monitor"}
""",
    "weights": f"""\
nodes:
  {ENDLESS}
  worker:
    {WORKER}
    params: {{{ACTS}, policy: {{kind: epsilon_greedy, weights: brain}}}}
""",
    "durations": f"""\
nodes:
  {ENDLESS}
  worker:
    {WORKER}
    params: {{{ACTS}, policy: {{kind: random}}, latency: {{kind: empirical, file: none.txt}}}}
""",
    "relay": """\
includes: [{graph: delay_plant}]
weights: {policy: {network: {kind: mlp}, plant: plant, sharing: fixed}}
nodes:
  learner: {class: "support.publishing:Publisher", params: {weights: policy, every: 5}}
  receiver: {class: "rtgraph.nodes.weights:WeightsReceiver", params: {weights: policy, of: policy}, remap: {announced: weights, weights: far}}
  sender: {class: "rtgraph.nodes.weights:WeightsSender", params: {weights: policy}}
""",
}


def error_of(arguments: list[str], capsys: Captured) -> tuple[int, str]:
    capsys.readouterr()  # discard earlier output
    code = main(arguments)
    return code, capsys.readouterr().err


def refused(arguments: list[str], capsys: Captured) -> str:
    """Return the error of both verbs."""
    checked = error_of(["check", *arguments], capsys)
    assert checked[0] in (1, 2), checked
    assert error_of(["launch", "--no-plots", *arguments], capsys) == checked
    return checked[1]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ("gymnasium_learning id=Pendulum-v1 algorithm=dqn", "this algorithm needs discrete actions, and the plant has continuous ones"),
        ("gymnasium_learning id=CartPole-v1 algorithm=sac agent=infer_learn", "sac is for continuous actions, not for discrete ones"),
        ("one_hot.yaml", "one_hot is 10, and the plant's observations go from 0 to 63. hint: one_hot: 64 or more"),
        ("no_frames.yaml", "an observation of shape (1,) is not a frame: expected (height, width)"),
        ("silent.yaml", "nothing publishes 'applied' for input 'applied' of 'monitor' (Applied). hint: 'plant' publishes it, but has no replicas"),
        ("weights.yaml", "the graph has no weights named 'brain'. hint: it has none"),
        ("durations.yaml", "the latency file none.txt cannot be read: No such file or directory"),
        ("relay.yaml", "transfers whole versions, but weights 'policy' have `sharing: fixed`, where no version follows the first version"),
        ("delay_learning minimum=100000000", "minimum is 100,000,000 transitions"),
        ("delay_learning device=abacus", "cannot learn on device 'abacus'"),
        ("endless latency=measured --world virtual", "inferences need a duration in the virtual world"),
        ("endless --recorder topics=obervation", "'obervation' matches no topic. hint: did you mean 'observation'?"),
        ("endless --recorder exclude=obervation", "'obervation' matches no topic. hint: did you mean 'observation'?"),
        ("endless --recorder exclude=*", "record: leaves no topic to record. hint: the topics are applied"),
        ("endless --recorder keep_s=5 --recorder split_s=1", "keep_s is given with split_mib or split_s"),
        ("endless --tcp-port 65530", "would need the ports 65536 and 65537, but the highest port is 65535"),
        ("endless --tcp-port 6000 --world virtual", "--tcp-port has no effect in the virtual world"),
        ("endless --checkpoint-every 5", "--checkpoint-every and --resume-world need the virtual world"),
        ("endless --resume-world nowhere --world virtual", "nowhere has no world checkpoint"),
        ("--resume-world nowhere", "nowhere is not a session"),
        ("--ticks 5", "no launch file is given"),
        ("endless --out file", "file is not a folder"),
        ("endless --out file/below", "cannot write the session folder file/below: Not a directory"),
        ("endless --out used", "used is not empty and is not a session folder"),
        ("endless --out session", "session holds a session already"),
    ],
)  # fmt: skip
def test_what_a_launch_refuses_check_refuses_in_the_same_words(
    arguments: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    for name in ("file", "used/notes.txt", "session/plan.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    before = sorted(tmp_path.rglob("*"))
    assert problem in refused(arguments.split(), capsys)
    assert sorted(tmp_path.rglob("*")) == before, "nothing was made"


def test_a_port_that_is_taken_is_found_by_check(capsys: Captured) -> None:
    first = free_ports(20)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first + 3))
        taken.listen()
        assert f"tcp://127.0.0.1:{first + 3} is taken" in refused(
            ["endless", "--tcp-port", str(first)], capsys
        )
    assert main(["check", "endless", "--tcp-port", str(first)]) == 0


def test_more_replicas_than_were_recorded_are_found_by_check(tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "out"
    once = ["endless", "--world", "virtual", "--ticks", "20"]
    assert main(["launch", *once, "workers=1", "--no-plots", "--out", str(out)]) == 0
    replay = [*once, "--replay", str(out / "session.mcap"), "--replace", "worker"]
    assert "holds no messages of the node 'worker/1'. hint: give one of its nodes, `node: NAME`:" in refused(
        [*replay, "workers=2"], capsys
    )
    assert main(["check", *replay, "workers=1"]) == 0


def test_a_session_that_ran_another_plan_is_found_by_check(tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "out"
    given = ["endless", "--world", "virtual", "--no-record"]
    assert main(["launch", *given, "--ticks", "20", "--no-plots", "--checkpoint-every", "0.1", "--out", str(out)]) == 0  # fmt: skip
    resume = ["--resume-world", str(out)]
    assert "ran another plan than endless" in refused([*given, "--seed", "3", *resume], capsys)
    assert "has already run 20 ticks" in refused(resume, capsys)
    assert main(["check", *resume, "--ticks", "30"]) == 0


def test_what_is_no_fault_of_the_file_is_told_as_json_too(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "file").touch()
    assert main(["check", "endless", "--json", "--out", str(tmp_path / "file")]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "error": {"problem": f"{tmp_path / 'file'} is not a folder", "hint": "choose another --out"}
    }
