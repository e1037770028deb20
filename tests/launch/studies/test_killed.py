"""A study that is killed again and again ends with the table of an undisturbed one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.launching import Launch, until

from rtgraph.launch.cli import main

ARGUMENTS = (
    "reproduce",
    "stagger_learning",
    "--only",
    "game=catch",
    "latency=spike",
    "method=paced,expected_time",
)

TABLE = "quick_game=catch_latency=spike_method=expected_time,paced.csv"


def table(folder: Path) -> bytes:
    return (folder / TABLE).read_bytes()


def checkpoints(folder: Path) -> int:
    """Return the number of files that the study has finished: of cells, checkpoints, sessions."""
    return sum(
        path.is_file()
        for pattern in ("cells/*/*.json", "cells/*/work/*/world/*", "cells/*/work/*.json")
        for path in folder.glob(pattern)
    )


@pytest.mark.parametrize(
    "kills",
    [pytest.param(2, marks=pytest.mark.timeout(600)), pytest.param(10, marks=pytest.mark.soak)],
)
def test_the_table_is_that_of_an_undisturbed_run_byte_for_byte(kills: int, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert main([*ARGUMENTS, "--jobs", "1", "--out", str(whole)]) == 0
    rng = np.random.default_rng(kills)
    for _ in range(kills):
        before = checkpoints(cut)
        steps = int(rng.integers(1, 4))
        with Launch(*ARGUMENTS, "--jobs", "2", "--out", str(cut)) as killed:
            until(
                lambda before=before, steps=steps: (
                    checkpoints(cut) >= before + steps or (cut / TABLE).exists()
                ),
                120,
                "some of the work is done",
            )
            killed.popen.kill()
            killed.popen.wait()
    assert main([*ARGUMENTS, "--jobs", "1", "--out", str(cut)]) == 0
    assert table(cut) == table(whole)
