"""One flipped bit or a cut in a split recording: every action uses the rest and says so, or fails in one line."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

from rtgraph.launch.bags.player_console import player_plan
from rtgraph.launch.cli import main
from rtgraph.msgs.bag import Bag
from rtgraph.msgs.errors import RtgraphError

RECORDING = Path(__file__).parent.parent / "nodes" / "recorder" / "files" / "before_whole_ns"
OBSERVATIONS = 16


def told(*arguments):
    """Run an action; return its exit code, and all its output."""
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            code = main(["bag", *map(str, arguments)])
        except SystemExit as ended:
            code = int(ended.code or 0)
    return code, out.getvalue(), error.getvalue()


def damaged(folder, file, place, bit):
    """Copy the recording with one flipped bit, or with a file cut at that place."""
    session = Path(shutil.copytree(RECORDING, folder / "session"))
    path = session / f"session_{file}.mcap"
    data = bytearray(path.read_bytes())
    at = int(place * len(data))
    if bit is None:
        del data[at:]
    else:
        data[at] ^= 1 << bit
    path.write_bytes(data)
    return session


def check(session, folder):
    code, out, error = told("info", session, "--check", "--json")
    assert code == 1, "the damage is not told"
    if not out:
        assert error.startswith("error: ")
        return
    found = json.loads(out)
    assert found["problems"]
    assert "warning: " in error
    lost = json.loads(told("recover", session, "--out", folder / "r.mcap", "--json")[1])
    assert lost["problems"]
    assert Bag.open(folder / "r.mcap").complete
    code, out, error = told(
        "export", session, "--to", "npz", "--topics", "observation", "--out", folder / "x.npz"
    )
    assert code in (0, 1)
    if code == 0:
        with np.load(folder / "x.npz") as run:
            if run["observation/tick"].size < OBSERVATIONS:
                assert "note: the recording: " in out
                assert "warning: " in error or "left out" in out
    for action in (("graph",), ("verify",), ("info",)):
        code, _, error = told(action[0], session)
        assert code in (0, 1, 2)
        assert code == 0 or error
    with contextlib.suppress(RtgraphError):
        player_plan(Bag.open(session))


@pytest.mark.parametrize("bit", [None, 0])
@pytest.mark.parametrize("place", [0.0, 0.0005, 0.01, 0.3, 0.6, 0.9, 0.99, 0.9999])
def test_damage_in_every_region(place, bit, tmp_path):
    check(damaged(tmp_path, 0, place, bit), tmp_path)


@examples(8)
@given(st.integers(0, 1), st.floats(0, 1, exclude_max=True), st.none() | st.integers(0, 7))
def test_damage_anywhere(tmp_path_factory, file, place, bit):
    folder = tmp_path_factory.mktemp("damaged")
    check(damaged(folder, file, place, bit), folder)
    shutil.rmtree(folder)
