"""Every snippet of the README and the docs is run, each page in a folder of its own, from top to bottom."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SNIPPET = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^# file: (\S+)\n")
COMMAND = Path(sys.executable).with_name("rtgraph")


@pytest.mark.process
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_snippets_run(page: Path, tmp_path: Path) -> None:
    for language, text in SNIPPET.findall(page.read_text()):
        named = FILE.match(text)
        if named:
            (tmp_path / named.group(1)).write_text(text)
        if language == "bash":
            for line in filter(None, map(str.strip, text.splitlines())):
                run(shlex.split(line), tmp_path)
        elif language == "python":
            run([sys.executable, "-c", text], tmp_path)
        else:
            assert named, f"{page.name}: a {language} snippet that nothing runs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def run(arguments: list[str], folder: Path) -> None:
    if arguments[0] == "rtgraph":
        arguments = [str(COMMAND), *arguments[1:]]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    ended = subprocess.run(
        arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, f"{shlex.join(arguments)}\n{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}"
