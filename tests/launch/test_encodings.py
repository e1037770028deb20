"""Files are UTF-8 whatever the locale; a stream replaces characters that its encoding lacks."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rtgraph.graphs import Plan
from rtgraph.launch.cli import main

GRAPH = """\
description: "Größe \N{EN DASH} 大"
arguments:
  note: {type: str, default: "é \N{EN DASH}"}
nodes:
  typist: {class: "support.typed:Typist", params: {name: "${note}"}}
"""


@pytest.fixture
def graph(tmp_path):
    file = tmp_path / "größe.yaml"
    file.write_text(GRAPH, encoding="utf-8")
    return file


@pytest.fixture
def run(monkeypatch):
    """Run a command with streams of an encoding; return its exit code, and the bytes of stdout and stderr."""

    def run(encoding, *arguments):
        streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
        monkeypatch.setattr(sys, "stdout", streams[0])
        monkeypatch.setattr(sys, "stderr", streams[1])
        try:
            code = main([*map(str, arguments)])
        except SystemExit as error:
            code = int(error.code or 0)
        sys.stdout.flush()
        sys.stderr.flush()
        return code, *(stream.buffer.getvalue() for stream in streams)

    return run


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1", "utf-8"])
@pytest.mark.parametrize(
    "command",
    [
        ("node", "info", "Worker"),
        ("node", "list"),
        ("graph", "FILE", "--format", "mermaid"),
        ("graph", "FILE", "--format", "svg"),
        ("check", "FILE"),
        ("plan", "FILE"),
        ("bag", "play", "--help"),
        ("launch", "--help"),
    ],
)
def test_what_is_printed_can_be_written_in_any_encoding(command, encoding, run, graph):
    code, out, _ = run(encoding, *(graph if word == "FILE" else word for word in command))
    assert code == 0
    assert out.decode(encoding)


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1", "utf-8"])
def test_what_programs_read_is_the_same_in_any_encoding(encoding, run, graph):
    plans = []
    for options in ((), ("--json",)):
        code, out, _ = run(encoding, "plan", graph, *options)
        assert code == 0
        plans.append(Plan.from_yaml(out.decode(encoding)))
        assert plans[-1].arguments == {"note": "é \N{EN DASH}"}
        assert plans[-1].description == "Größe \N{EN DASH} 大"
    assert plans[0] == plans[1]
    code, out, _ = run(encoding, "check", tmp := graph.with_name("fehlt_ö.yaml"), "--json")
    assert (code, str(tmp.name) in json.loads(out.decode(encoding))["error"]["problem"]) == (2, True)


def test_a_likeness_or_an_escape_stands_for_what_is_not_there(run, graph):
    code, _, error = run("ascii", "check", graph.with_name("ö\N{EN DASH}\udcff.yaml"))
    assert code == 2
    assert b"\\xf6-\\udcff.yaml" in error


def test_names_that_are_not_utf8_are_refused(run, tmp_path, monkeypatch):
    file = Path(os.fsdecode(bytes(tmp_path) + b"/g\xff.yaml"))
    file.write_text(GRAPH, encoding="utf-8")
    code, _, error = run("utf-8", "check", file)
    assert code == 2
    assert b"is not UTF-8. hint: rename the file" in error
    monkeypatch.chdir(tmp_path)
    os.mkdir(b"cwd\xff")
    monkeypatch.chdir(os.fsdecode(b"cwd\xff"))
    code, _, error = run("utf-8", "launch", "endless", "--world", "virtual", "--ticks", "3", "--no-plots")
    assert code == 0, error
    code, _, error = run("utf-8", "launch", "endless", "--duration", "1", "--no-plots")
    assert (code, b"is not UTF-8. hint: choose another --out" in error) == (1, True)
    (recorded,) = Path("sessions").glob("*/session.mcap")
    code, _, error = run("utf-8", "bag", "play", recorded)
    assert code == 1
    assert b"the path of a recording should be UTF-8: " in error
    assert b"hint: rename the file or its folder" in error
    for arguments in (
        ("launch", "endless", "--out", os.fsdecode(b"o\xff")),
        ("check", "endless", "workers=\udcff"),
    ):
        code, _, error = run("utf-8", *arguments)
        assert code == 2
        assert b"UTF-8" in error or b"should be" in error


def test_a_launch_in_a_locale_without_the_characters_writes_utf8(graph, tmp_path):
    environment = {
        **os.environ,
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONIOENCODING": "ascii",
        "PYTHONWARNDEFAULTENCODING": "1",
        "PYTHONWARNINGS": "error::EncodingWarning:rtgraph",
        "PYTHONPATH": str(Path(__file__).parent.parent),
    }
    file = graph.rename(tmp_path / "plain.yaml")
    command = [sys.executable, "-m", "rtgraph.launch.cli", "launch", str(file), "--world", "virtual"]
    script = "import sys; from rtgraph.launch.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [
        sys.executable,
        "-c",
        script,
        *command[3:],
        "--duration",
        "0.1",
        "--no-plots",
        "--out",
        str(tmp_path / "o"),
    ]
    done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    done.stdout.decode("ascii")
    written = (tmp_path / "o" / "plan.yaml").read_text(encoding="utf-8")
    assert "Größe \N{EN DASH} 大" in written
    assert yaml.safe_load(written)["arguments"]["note"] == "é \N{EN DASH}"
