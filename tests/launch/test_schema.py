"""`rtgraph schema` describes what the loader accepts."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from support.json_schema import problems

from rtgraph.graphs.reading.files import SHIPPED, read
from rtgraph.launch.cli import main
from rtgraph.launch.file_options import FOLDERS

LAUNCHES = sorted(FOLDERS[0].glob("*.yaml"))
GRAPHS = sorted(SHIPPED.glob("*.yaml"))


def schema(kind: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["schema", kind]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(("kind", "files"), [("launch", LAUNCHES), ("graph", GRAPHS)])
def test_every_shipped_file_satisfies_it(kind: str, files: list[Any], capsys: Any) -> None:
    root = schema(kind, capsys)
    assert len(files) > 10
    for file in files:
        assert list(problems(read(file).value, root, root)) == [], file.name


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (["grphs"], [], ".grphs: nothing is allowed here"),
        (["world"], "real", ".world: 'real' does not satisfy ['realtime', 'virtual']"),
        (["seed"], -1, ".seed: -1 does not satisfy 0"),
        (["graphs", 0, "expose"], "yes", ".graphs.0.expose: 'yes' is not boolean"),
        (
            ["arguments"],
            {"n": {"type": "int", "choices": "stager"}},
            ".arguments.n.choices: 'stager' is not array",
        ),
    ],
)
def test_it_refuses_what_the_loader_refuses(path: Any, value: Any, problem: str, capsys: Any) -> None:
    root = schema("launch", capsys)
    content: Any = copy.deepcopy(read(FOLDERS[0] / "boxing.yaml").value)
    place = content
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    assert problem in list(problems(content, root, root))
