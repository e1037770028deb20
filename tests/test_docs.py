"""Every snippet of the README and the docs is run, each page in a separate folder, from top to bottom.

``pip install --editable .`` only writes the entry points of the page's package, and puts the folder on Python's path.
A command that ends in ``&`` is a launch that runs beside the commands after it, until the page ends.
"""

from __future__ import annotations

import ast
import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.launching import until

ROOT = Path(__file__).parents[1]
SOURCES = ("graphs", "launch", "msgs", "nodes")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SNIPPET = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^# file: (\S+)\n")
COMMAND = Path(sys.executable).with_name("rtgraph")


@pytest.mark.snippets
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_snippets_run(page: Path, tmp_path: Path) -> None:
    # Short, and only for this page: running graphs are found there.
    with tempfile.TemporaryDirectory(prefix="rt-", dir="/tmp") as runtime, contextlib.ExitStack() as beside:
        # Windows open on SDL's dummy display.
        places = {"XDG_RUNTIME_DIR": runtime, "TMPDIR": runtime, "SDL_VIDEODRIVER": "dummy"}
        for language, text in SNIPPET.findall(page.read_text()):
            named = FILE.match(text)
            if named:
                file = tmp_path / named.group(1)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            if language == "bash":
                for line in filter(None, map(str.strip, text.splitlines())):
                    if line == "pip install --editable .":
                        places["PYTHONPATH"] = installed(tmp_path)
                    elif line.endswith("&"):
                        beside.enter_context(running(shlex.split(line[:-1]), tmp_path, places))
                    else:
                        run(shlex.split(line), tmp_path, places)
            elif language == "python":
                run([sys.executable, "-c", text], tmp_path, places)
            elif language != "mermaid":  # a picture
                assert named, f"{page.name}: a {language} snippet that nothing runs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def run(arguments: list[str], folder: Path, places: dict[str, str]) -> None:
    # Files, not pipes: a program that goes on in the background would be waited for.
    with tempfile.TemporaryFile("w+") as output:
        ended = subprocess.run(
            found(arguments),
            cwd=folder,
            env=os.environ | places,
            stdout=output,
            stderr=output,
            timeout=120,
            check=False,
        )
        output.seek(0)
        assert ended.returncode == 0, f"{shlex.join(arguments)}\n{output.read()[-4000:]}"


def test_the_messages_told_of_are_those_that_are_said() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs" / "troubleshooting.md").read_text(), re.MULTILINE)
    assert len(rows) > 10
    files = [file for folder in SOURCES for file in (ROOT / folder).rglob("*.py")]
    said = [text for file in files for text in ast.walk(ast.parse(file.read_text())) if is_long(text)]
    fixed = {text.value for text in said if isinstance(text, ast.Constant)}
    patterns = [pattern(text) for text in said if isinstance(text, ast.JoinedStr)]
    for row in rows:
        problem = row.partition(". hint: ")[0]
        found = problem in fixed or any(one.fullmatch(problem) for one in patterns)
        assert found, f"nothing says {problem!r}"


def is_long(node: ast.AST) -> bool:
    """Return whether a part of a program is a text with at least a few words that do not depend on values."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    fixed = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return sum(character.isalpha() for text in fixed for character in text) >= 10


def pattern(text: ast.JoinedStr) -> re.Pattern[str]:
    """Return a pattern of the text, with any values."""
    return re.compile(
        "".join(re.escape(p.value) if isinstance(p, ast.Constant) else ".+" for p in text.values)
    )


def installed(folder: Path) -> str:
    """Install the package in a folder: write its entry points. Return the folder."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    groups = [
        "\n".join([f"[{group}]", *(f"{name} = {target}" for name, target in entries.items())])
        for group, entries in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n\n".join(groups))
    return str(folder)


@contextlib.contextmanager
def running(arguments: list[str], folder: Path, places: dict[str, str]) -> Iterator[None]:
    """Launch a graph, wait until it runs, and interrupt it at the end."""
    said = folder / "said"
    with open(said, "w") as output:
        launch = subprocess.Popen(
            found(arguments), cwd=folder, env=os.environ | places, stdout=output, stderr=output
        )
    try:
        until(
            lambda: list(Path(places["XDG_RUNTIME_DIR"]).glob("*/session.json")) or launch.poll() is not None,
            60,
            f"{shlex.join(arguments)} runs",
        )
        assert launch.poll() is None, said.read_text()
        yield
    finally:
        launch.send_signal(signal.SIGINT)
        code = launch.wait(30)
    assert code == 130, said.read_text()


def found(arguments: list[str]) -> list[str]:
    return [str(COMMAND), *arguments[1:]] if arguments[0] == "rtgraph" else arguments
