"""A node's own interpreter describes it; ``check`` fails if the interpreter cannot."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from support.own_modules import forgotten_modules, interpreter

from rtgraph.graphs import Plan, load_launch
from rtgraph.graphs.classes.interpreters import Interpreters
from rtgraph.graphs.reading.positions import Place, parse
from rtgraph.launch.bags.verifier import by_other_python
from rtgraph.msgs import schema, schema_hash
from rtgraph.msgs.errors import GraphError
from rtgraph.nodes.plant import Plant
from rtgraph.nodes.runtime import load_class
from rtgraph.nodes.runtime.classes.description import class_of
from rtgraph.nodes.runtime.classes.loading import stand_in
from rtgraph.nodes.runtime.realtime.control import protocol
from rtgraph.nodes.runtime.wiring import NodePlan

__all__ = ["forgotten_modules"]

ROBOT = """
import beside_driver
import numpy as np
from pydantic import Field
from rtgraph.msgs import ArraySpec, Discrete, Message, PlantSpec
from rtgraph.nodes import Output
from rtgraph.nodes.plant import Plant, PlantParams

class Torque(Message):
    newton_metres: float

class RobotParams(PlantParams):
    joints: int = Field(default=beside_driver.JOINTS, ge=1)

class Robot(Plant[RobotParams]):
    torque = Output(Torque)

    @classmethod
    def spec(cls, params):
        observation = ArraySpec(dtype="float32", shape=(params.joints,))
        return PlantSpec(rate_hz=10.0, observation=observation, action=Discrete(count=2))

    def environment(self): ...
"""
GRAPH = """
includes:
  - graph: coordination
nodes:
  plant: {{class: 'beside_robot:Robot', params: {params}, python: {python}}}
  worker:
    class: rtgraph.nodes.inference:Worker
    replicas: 2
    params: {{plant: '${{spec:plant}}', policy: {{kind: random}}, latency: {{kind: constant, frames: 1}}}}
"""


def written(folder: Path, python: object, params: str = "{}") -> Path:
    (folder / "beside_robot.py").write_text(ROBOT)
    (folder / "g.yaml").write_text(GRAPH.format(python=python, params=params))
    return folder / "g.yaml"


def with_driver(folder: Path) -> Path:
    (folder / "drivers").mkdir()
    (folder / "drivers" / "beside_driver.py").write_text("JOINTS = 6\n")
    return interpreter(folder / "python", folder / "drivers")


def test_an_interpreter_says_what_its_node_is(tmp_path) -> None:
    plan = load_launch(written(tmp_path, with_driver(tmp_path)))
    plant = next(node for node in plan.nodes if node.name == "plant")
    assert plant.params["joints"] == 6
    assert plant.outputs["torque"] == "torque"
    worker = next(node for node in plan.nodes if node.name == "worker/0")
    assert worker.params["plant"]["observation"]["shape"] == [6]
    assert "beside_driver" not in sys.modules

    # Other processes, and readers of a recording, know the class from the plan.
    again = Plan.from_yaml(plan.to_yaml())
    assert again == plan
    stand_in({path: class_of(description) for path, description in again.described.items()})
    robot = load_class("beside_robot:Robot")
    torque = robot.output_ports["torque"].message_type
    assert issubclass(robot, Plant)
    assert torque.schema_name == "Torque"
    assert schema(torque)["properties"]["newton_metres"] == {"title": "Newton Metres", "type": "number"}
    assert schema_hash(torque).hex() == again.described["beside_robot:Robot"].outputs["torque"].hash


def test_its_interpreter_checks_the_params(tmp_path) -> None:
    python = with_driver(tmp_path)
    with pytest.raises(GraphError, match=f"interpreter {python}: .*joints: ") as caught:
        load_launch(written(tmp_path, python, "{joints: 0}"))
    assert caught.value.key == "nodes.plant.params"


def test_an_interpreter_without_the_driver_says_so(tmp_path) -> None:
    with pytest.raises(
        GraphError, match=rf"interpreter {sys.executable}: .*No module named 'beside_driver'"
    ) as caught:
        load_launch(written(tmp_path, sys.executable))
    assert caught.value.key == "nodes.plant.class"


OLD = 'if [ "$1" = -c ]; then echo 3.8; else echo "Unknown option: -P" >&2; exit 2; fi'
CRASH = (
    'if [ "$1" = -c ]; then echo 3.11; exit; fi; '
    f"echo '{json.dumps({'protocol': protocol()})}'; read question; echo the driver crashed >&2; exit 1"
)
"""Begins like an interpreter, and ends on the first question."""
PLACE = Place(parse("python: python\n", "g.yaml"), ("python",))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "python cannot be started: No such file or directory"),
        ("exit 0", "python is not a Python interpreter: it printed no error"),
        ("echo unknown board >&2; exit 1", "python is not a Python interpreter: unknown board. hint: "),
        ("echo hello; cat > /dev/null", "python is not a Python interpreter"),
        (OLD, r"python is Python 3.8, and rtgraph needs 3\.11"),
        (f'exec {sys.executable} -I -S "$@"', "python has no rtgraph. hint: .*python -m pip install rtgraph"),
        ('echo \'{"protocol": "other"}\'; cat > /dev/null', "python has a version of rtgraph that does not"),
        (CRASH, "python (ended|did not answer): the driver crashed. hint: "),
    ],
    ids=[
        "missing",
        "silent",
        "broken",
        "other program",
        "too old",
        "without rtgraph",
        "another version",
        "crash",
    ],
)
def test_an_interpreter_that_cannot_is_an_error_of_the_check(text, says, tmp_path) -> None:
    python = tmp_path / "python"
    if text is not None:
        script(python, text)
    with pytest.raises(GraphError, match=says) as caught:
        load_launch(written(tmp_path, python))
    assert (caught.value.key, caught.value.line) == ("nodes.plant.python", 5)


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_an_interpreter_that_crashed_is_started_again_and_closed_once(tmp_path) -> None:
    python = script(tmp_path / "python", CRASH)
    interpreters = Interpreters()
    for _ in range(2):
        with pytest.raises(GraphError, match="the driver crashed"):
            interpreters.ask(python, {}, PLACE)
    interpreters.close()


def test_another_version_is_mended_by_installing_the_one_that_runs_here(tmp_path) -> None:
    python = script(tmp_path / "python", 'echo \'{"protocol": "other"}\'; cat > /dev/null')
    with pytest.raises(GraphError) as caught:
        Interpreters().ask(python, {}, PLACE)
    assert caught.value.hint == (
        f"{python} -m pip install rtgraph=={version('rtgraph')} installs the version that runs here"
    )


def test_the_virtual_world_runs_it_in_this_process(tmp_path) -> None:
    with pytest.raises(
        GraphError, match=r"No module named 'beside_driver'. hint: the virtual world runs every node"
    ):
        load_launch(written(tmp_path, "/nowhere/python"), world="virtual")


def test_a_node_is_run_again_by_the_interpreter_that_ran_it() -> None:
    other = NodePlan(name="arm", index=0, node="arm:Arm", python="/opt/robot/bin/python")
    same = other.model_copy(update={"python": sys.executable})
    assert "it ran in the interpreter /opt/robot/bin/python" in (by_other_python(other, "realtime") or "")
    assert by_other_python(same, "realtime") is None
    assert by_other_python(other, "virtual") is None
