"""The exports of the package, and the schemas for editors."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import rtgraph.graphs
from rtgraph.graphs import graph_schema, launch_schema


def test_exports_are_sorted_and_there() -> None:
    names = rtgraph.graphs.__all__
    assert list(names) == sorted(names, key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert all(hasattr(rtgraph.graphs, name) for name in names)


def test_importing_it_imports_no_torch_and_no_launch() -> None:
    code = "import sys, rtgraph.graphs; print([m for m in sys.modules if m == 'torch' or m.startswith('rtgraph.launch')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_modules_import_only_to_the_left() -> None:
    for path in Path(rtgraph.graphs.__file__).parent.glob("*.py"):
        assert "rtgraph.launch" not in path.read_text(), path


def test_launch_schema_takes_references() -> None:
    schema = launch_schema()
    json.dumps(schema)
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == {"graphs"}
    seed = schema["properties"]["seed"]
    assert {"type": "string", "pattern": r"\$\{"} in seed["anyOf"]
    assert schema["$defs"]["CrashFault"]["properties"]["kind"]["const"] == "crash"


def test_graph_schema_names_what_a_node_may_hold() -> None:
    node = graph_schema()["$defs"]["NodeEntry"]
    keys = "class params replicas if remap restart priority python threads stop_s"
    assert set(keys.split()) == set(node["properties"])
    assert node["required"] == ["class"]
