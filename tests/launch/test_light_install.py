"""What works without the packages of any extra, and what names the one that is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support.launching import COMMAND, TESTS

from rtgraph.msgs.typed.extras import EXTRAS

PROJECT = tomllib.loads((TESTS.parent / "pyproject.toml").read_text())["project"]
BARRED = f"""
import sys

class Barred:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {set(EXTRAS)!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Barred())
"""


@pytest.fixture
def light(tmp_path: Path) -> dict[str, str]:
    """An environment in which every process finds no package of an extra."""
    (tmp_path / "barred").mkdir()
    (tmp_path / "barred" / "sitecustomize.py").write_text(BARRED)
    return {
        **os.environ,
        "PYTHONPATH": f"{tmp_path / 'barred'}{os.pathsep}{TESTS}",
        "XDG_RUNTIME_DIR": str(tmp_path),
    }


def ran(light: dict[str, str], cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        env=light,
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("world", [["--duration", "0.5"], ["--world", "virtual", "--ticks", "30"]])
def test_the_runtime_needs_no_extra(light, tmp_path, world) -> None:
    done = ran(light, tmp_path, "launch", "endless", *world, "--record", "--no-plots", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["ticks"] >= 30
    assert ran(light, tmp_path, "bag", "info", "out/session.mcap").returncode == 0


def test_plots_are_left_out_with_a_warning(light, tmp_path) -> None:
    done = ran(light, tmp_path, "launch", "endless", "--world", "virtual", "--ticks", "30")
    assert done.returncode == 0
    assert (
        "the plots could not be drawn: Matplotlib is not installed. hint: pip install 'rtgraph[plots]'"
        in done.stderr
    )


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("check", "boxing"), "ale-py is not installed. hint: pip install 'rtgraph[emulators]'"),
        (
            ("check", "gymnasium", "id=CartPole-v1", "rate_hz=50"),
            "Gymnasium is not installed. hint: pip install 'rtgraph[emulators]'",
        ),
        (("check", "blocks"), "stable-retro is not installed. hint: pip install 'rtgraph[emulators]'"),
        (("check", "catch"), "torch is not installed. hint: pip install 'rtgraph[learn]'"),
    ],
)
def test_what_is_missing_is_one_line_with_the_command(light, tmp_path, arguments, error) -> None:
    done = ran(light, tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stderr.endswith(f"{error}\n")
    assert done.stderr.count("\n") == 1


def test_every_extra_that_errors_name_exists_and_every_optional_package_has_one() -> None:
    extras = PROJECT["optional-dependencies"]
    assert {extra for _, extra in EXTRAS.values()} <= set(extras)
    assert extras["node"] == []
    everything = extras["all"][0].removeprefix("rtgraph[").removesuffix("]").split(",")
    assert set(everything) == set(extras) - {"all", "dev", "node", "peers", "rerun"}
