"""The command: verbs, exit codes, and the speed of help."""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from rtgraph.graphs import Plan, load_launch
from rtgraph.launch.catalog import described, node_classes
from rtgraph.launch.cli import SUBPACKAGES, VERBS, main
from rtgraph.launch.console.parsing import Parser
from rtgraph.launch.verbs.running import param

FILES = Path(__file__).parent.parent / "graphs" / "files"
COMMAND = "import sys; from rtgraph.launch.cli import main; sys.exit(main(sys.argv[1:]))"
STAGGERED = str(FILES / "staggered.yaml")


def test_check_says_ok_in_one_line(capsys) -> None:
    assert main(["check", STAGGERED, "method=paced"]) == 0
    assert capsys.readouterr().out == (
        "OK staggered: 8 nodes, 3 topics, 19 edges, 1 network; realtime world, seed 0\n"
    )


def test_check_counts_as_json(capsys) -> None:
    assert main(["check", STAGGERED, "workers=2", "--seed", "4", "--no-record", "--json"]) == 0
    counted = json.loads(capsys.readouterr().out)
    assert counted == {
        "name": "staggered",
        "world": "realtime",
        "seed": 4,
        "nodes": 3,
        "topics": 2,
        "edges": 4,
        "networks": 1,
        "faults": 0,
        "delays": 0,
    }


def test_a_wrong_file_is_one_line_and_exit_code_2(tmp_path, capsys) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("nodes:\n  plant: {klass: 'support.toys:Plant'}\n")
    assert main(["check", str(file)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"error: {file}:2: nodes.plant.klass: unknown key 'klass'. hint: did you mean 'class'?\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["workers=0"], "arguments.workers: 0 is below the minimum, 1"),
        (["wrkers=1"], "unknown argument 'wrkers'. hint: did you mean 'workers'?"),
        (["workers=1", "workers=2"], "command line: the argument 'workers' is given twice"),
        (
            ["--replace", "plant=support.toys:Nobody"],
            "command line: replace.plant.class: module 'support.toys' has no",
        ),
    ],
)
def test_wrong_arguments_are_exit_code_2(arguments, says, capsys) -> None:
    assert main(["check", STAGGERED, *arguments]) == 2
    assert says in capsys.readouterr().err


def test_what_is_no_argument_is_a_usage_error(capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["check", STAGGERED, "workers"])
    assert caught.value.code == 2
    assert "'workers' is not name=value" in capsys.readouterr().err


def test_plan_prints_what_can_be_read_back(capsys) -> None:
    expected = load_launch(STAGGERED, {"workers": "2"}, ticks=5, duration_s=2.5)
    for flags in ([], ["--json"]):
        assert main(["plan", STAGGERED, "workers=2", "--ticks", "5", "--duration", "2.5", *flags]) == 0
        text = capsys.readouterr().out
        assert Plan.from_yaml(text) == expected
    assert json.loads(text)["nodes"][1]["name"] == "worker/0"


def test_plan_with_a_replacement(capsys) -> None:
    assert main(["plan", STAGGERED, "--replace", "plant=support.toys:Slow"]) == 0
    assert "support.toys:Slow" in capsys.readouterr().out


def test_params_of_a_replacement_are_read_by_their_declared_types(capsys) -> None:
    given = ["--replace", "plant=rtgraph.nodes.emulator:Catch", "plant.columns=9", "plant.gate.kind=playout"]
    assert main(["plan", "endless", *given, "plant.rate_hz=30", "plant.publish_screen=true"]) == 0
    (plant,) = [node for node in Plan.from_yaml(capsys.readouterr().out).nodes if node.name == "plant"]
    found = {key: plant.params[key] for key in ("columns", "rate_hz", "publish_screen")}
    assert found == {"columns": 9, "rate_hz": 30.0, "publish_screen": True}
    assert plant.params["gate"]["kind"] == "playout"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (["plant.columns=wide"], "replace.plant.params.columns: should be a whole number, not 'wide'"),
        (
            ["plant.colums=9"],
            "replace.plant.params.colums: unknown param 'colums'. hint: did you mean 'columns'?",
        ),
        (
            ["plant.gate=x", "plant.gate.kind=latest"],
            "'plant.gate.kind' and another argument set the same param. hint: set the param as a whole",
        ),
        (["worker.columns=9"], "unknown argument 'worker.columns'"),
    ],
)
def test_wrong_params_of_a_replacement_are_one_error(given, problem, capsys) -> None:
    assert main(["check", "endless", "--replace", "plant=rtgraph.nodes.emulator:Catch", *given]) == 2
    error = capsys.readouterr().err
    assert problem in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("kind", "start"), [("mermaid", "flowchart LR"), ("dot", "digraph"), ("svg", "<svg")]
)
def test_graph_prints_or_writes(kind, start, tmp_path, capsys) -> None:
    assert main(["graph", STAGGERED, "--format", kind]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(start)
    out = tmp_path / f"picture.{kind}"
    assert main(["graph", STAGGERED, "--out", str(out)]) == 0
    assert out.read_text() == printed
    if kind == "svg":
        ET.fromstring(printed)  # noqa: S314 - our own


def test_a_picture_that_cannot_be_written_is_exit_code_1(tmp_path, capsys) -> None:
    assert main(["graph", STAGGERED, "--out", str(tmp_path / "no" / "x.svg")]) == 1
    assert "cannot be written: No such file or directory" in capsys.readouterr().err


def test_node_info_tells_params_and_ports(capsys) -> None:
    assert main(["node", "info", "support.toys:Worker"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"batch +int +1", text)
    assert re.search(r"plant +PlantSpec +required", text)
    assert re.search(r"assignment +input +Assigned +queue\(4\) +optional, keyed", text)


def test_node_info_as_json(capsys) -> None:
    assert main(["node", "info", "support.toys:Plant", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["plant"] is True
    assert told["params"][1] == {
        "name": "rate_hz",
        "type": "float",
        "required": False,
        "description": "",
        "default": 60.0,
    }
    assert told["outputs"] == [{"name": "observation", "message": "Seen", "keyed": False}]


def test_node_info_of_nothing_is_exit_code_1(capsys) -> None:
    assert main(["node", "info", "support.toys:Nobody"]) == 1
    assert main(["node", "info", "NoSuchNodeAnywhere"]) == 1
    assert "there is no node class 'NoSuchNodeAnywhere'" in capsys.readouterr().err


def test_node_list_is_a_table_or_json(capsys) -> None:
    assert main(["node", "list"]) == 0
    assert capsys.readouterr().out.startswith("class")
    assert main(["node", "list", "--json"]) == 0
    for row in json.loads(capsys.readouterr().out):
        assert re.fullmatch(r"rtgraph\.nodes\.[a-z0-9_.]+:[A-Z]\w+", row["class"])
        assert row.get("problem") or {"params", "inputs", "outputs"} <= row.keys()


def test_unknown_verbs_are_told_with_the_nearest(capsys) -> None:
    assert main(["chekc"]) == 2
    assert capsys.readouterr().err == "error: unknown verb 'chekc'. hint: did you mean 'check'?\n"


def test_the_version_and_the_help(capsys) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"rtgraph \d+\.\d+\.\d+\n", capsys.readouterr().out)
    assert main([]) == 2
    shown = capsys.readouterr().out
    assert all(verb in shown and text in shown for verb, text in VERBS.items())


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb, capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main([verb, "--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert re.search(rf"examples?:\n(  rtgraph .*\n)*  rtgraph {verb}", shown)


def test_an_interrupt_is_exit_code_130(monkeypatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rtgraph.graphs.load_launch", interrupted)
    assert main(["check", STAGGERED]) == 130


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "--help"], ["node", "--help"]])
def test_help_imports_nothing_that_takes_long(arguments) -> None:
    code = (
        "import sys\nfrom rtgraph.launch.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
        "print(sorted({'pydantic', 'numpy', 'torch', 'yaml', 'rich', 'zmq'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_verbs_without_tables_import_no_library_for_tables() -> None:
    code = (
        "import sys\n"
        "from rtgraph.launch.introspection.commands import echo, metering, params, pub\n"
        "print(sorted({'torch', 'yaml', 'rich', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--duration", "2.5", "workers=2", "--seed", "4", "method=paced"],
        ["workers=2", "method=paced", "--duration", "2.5", "--seed", "4"],
    ],
)
def test_options_may_stand_between_arguments(arguments, capsys) -> None:
    expected = load_launch(STAGGERED, {"workers": "2", "method": "paced"}, seed=4, duration_s=2.5)
    assert main(["plan", STAGGERED, *arguments]) == 0
    assert Plan.from_yaml(capsys.readouterr().out) == expected
    assert main(["plan", "--seed", "4", STAGGERED, "workers=2", "--duration", "2.5", "method=paced"]) == 0
    assert Plan.from_yaml(capsys.readouterr().out) == expected


def test_options_may_stand_between_the_arguments_of_an_action() -> None:
    parser = Parser(prog="rtgraph param")
    param.configure(parser)
    parsed = parser.parse_args(["set", "worker/0", "a=1", "--json", "b=2"])
    assert parsed.changes == [("a", "1"), ("b", "2")]
    assert parsed.json
    with pytest.raises(SystemExit):
        parser.parse_args(["set", "worker/0", "a=1", "--jsn", "b=2"])


def test_what_is_wrong_as_json(tmp_path, capsys) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("nodes:\n  plant: {klass: 'support.toys:Plant'}\n")
    assert main(["check", str(file), "--json"]) == 2
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out) == {
        "error": {
            "problem": "unknown key 'klass'",
            "hint": "did you mean 'class'?",
            "file": str(file),
            "line": 2,
            "key": "nodes.plant.klass",
        }
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--tcp-port", "0"], "'0' is not a port: ports are 1 to 65535"),
        (["--tcp-port", "70000"], "'70000' is not a port"),
        (["--out", ""], "an empty name is not a folder"),
    ],
)
def test_wrong_options_are_told_before_anything_is_read(arguments, says, capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["launch", "no such file", *arguments])
    assert caught.value.code == 2
    assert says in capsys.readouterr().err


def test_node_info_tells_the_params_of_every_kind(capsys) -> None:
    assert main(["node", "info", "Worker"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^latency +one of:", text, re.MULTILINE)
    for kind, param_name in (("mixture", "cost"), ("empirical", "order"), ("scripted", "policy")):
        assert re.search(rf"^  kind: {kind} .*\n(    .*\n)*    {param_name} ", text, re.MULTILINE), kind
    assert main(["node", "info", "Worker", "--json"]) == 0
    params = {row["name"]: row for row in json.loads(capsys.readouterr().out)["params"]}
    kinds = {row["kind"]: row for row in params["policy"]["kinds"]}
    assert kinds["epsilon_greedy"]["params"][1] == {
        "name": "epsilon",
        "type": "float",
        "required": False,
        "description": "The share of random actions.",
        "default": 0.05,
    }


def test_every_param_of_what_ships_is_described() -> None:
    silent = [
        f"{found.path} {path}"
        for found in node_classes()
        if found.node_type
        for path in undescribed(described(found.path, found.node_type)["params"])
    ]
    assert silent == []


def undescribed(params, prefix="") -> list[str]:
    found = []
    for row in params:
        found += [] if row["description"] else [prefix + row["name"]]
        for kind in row.get("kinds", ()):
            found += undescribed(kind["params"], f"{prefix}{row['name']}.{kind['kind']}.")
    return found


def test_node_list_is_one_line_a_class_however_narrow(monkeypatch, capsys) -> None:
    monkeypatch.setattr("rtgraph.launch.console.tables.WIDE", 60)
    assert main(["node", "list"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith("class")
    assert [line.split()[0] for line in lines] == [found.path for found in node_classes()]


@pytest.mark.parametrize("arguments", [["plan", STAGGERED], ["node", "list"]])
def test_output_that_cannot_be_written_is_one_line(arguments) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(FILES.parent.parent)},
            check=False,
        )
    assert done.stderr == "error: the output cannot be written: No space left on device\n"
    assert done.returncode == 1


def test_an_interrupt_while_a_verb_is_imported_is_exit_code_130(monkeypatch) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("importlib.import_module", interrupted)
    assert main(["check", STAGGERED]) == 130


def test_next_to_nothing_is_imported_before_an_interrupt_is_taken() -> None:
    code = (
        "import sys; before = set(sys.modules); import rtgraph.launch.cli; print(set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = {name for name in ast.literal_eval(done.stdout) if not name.startswith("_")}
    assert names <= {"rtgraph", "rtgraph.launch", "rtgraph.launch.cli"}


def test_the_example_of_the_command_is_one_that_runs(capsys) -> None:
    assert main([]) == 2
    example = re.search(r"example:\n  rtgraph launch (.*)", capsys.readouterr().out)
    assert example
    assert main(["check", *example[1].split()]) == 0


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"import sys; from rtgraph.launch.cli import main; sys.exit(main(['plan', {STAGGERED!r}, 'workers=900']))"
    with subprocess.Popen(
        [sys.executable, "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": str(FILES.parent.parent)},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_gymnasium_takes_arguments_of_the_environment_and_shows_its_picture(capsys) -> None:
    given = ["gymnasium", "id=Pendulum-v1", "kwargs={g: 5.0}", "render=true", "--world", "virtual"]
    assert main(["plan", *given]) == 0
    params = Plan.from_yaml(capsys.readouterr().out).nodes[0].params
    assert params["kwargs"] == {"g": 5.0}
    assert params["render"] is params["publish_screen"] is True


@pytest.mark.parametrize("text", ["3", "[1]", "{a", "a: 1: 2", ""])
def test_what_is_no_mapping_is_refused(text, capsys) -> None:
    assert main(["check", "gymnasium", f"kwargs={text}"]) == 2
    assert "kwargs: should be a mapping such as {key: value}, not" in capsys.readouterr().err


@pytest.mark.parametrize(("rate_hz", "warned"), [(50, True), (20, False)])
def test_a_rate_that_is_not_the_environments_is_a_warning(rate_hz, warned, tmp_path, capsys) -> None:
    given = ["gymnasium", "id=Pendulum-v1", f"rate_hz={rate_hz}", "--world", "virtual", "--ticks", "5"]
    assert main(["launch", *given, "--no-plots", "--no-record", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().err
    assert ("Pendulum-v1 steps at 50 Hz, and is made for 20 Hz" in said) == warned
    assert ("hint: rate_hz=20" in said) == warned


def _options(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _options(inner)
        elif action.option_strings:
            yield action


@pytest.mark.parametrize("verb", VERBS)
def test_an_option_with_several_values_may_be_repeated(verb: str) -> None:
    subpackage = next((f"{name}." for name, verbs in SUBPACKAGES.items() if verb in verbs), "")
    parser = Parser(prog=verb)
    importlib.import_module(f"rtgraph.launch.verbs.{subpackage}{verb}").configure(parser)
    several = [action for action in _options(parser) if action.nargs in ("+", "*")]
    assert all(isinstance(action, argparse._ExtendAction) for action in several), several
