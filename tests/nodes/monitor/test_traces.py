"""Monitors of one graph never write to the same file."""

import pytest
from support.staggered import plan

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.monitor.traces import watched, with_files_of_their_own

MONITOR = "rtgraph.nodes.monitor:Monitor"


def nodes(*monitors):
    plans = [plan(0, "plant", "rtgraph.nodes.emulator:Endless", {}, "applied", {})]
    for name, params in monitors:
        plans.append(plan(len(plans), name, MONITOR, params, "", {}))
    return tuple(plans)


def files(*monitors):
    return [one.file for one in watched(with_files_of_their_own(nodes(*monitors)))]


@pytest.mark.parametrize("name", ["monitor", "left/monitor", "observer"])
def test_a_single_monitor_keeps_its_file(name):
    made = nodes((name, {}))
    assert with_files_of_their_own(made) == made
    assert files((name, {})) == ["trace.npz"]


def test_several_have_their_title_in_front():
    monitors = [("left/monitor", {"rate_hz": 60.0}), ("a/b/monitor", {}), ("monitor", {}), ("observer", {})]
    assert files(*monitors) == [
        "left.trace.npz",
        "a.b.trace.npz",
        "monitor.trace.npz",
        "observer.trace.npz",
    ]
    found = watched(nodes(*monitors))
    assert [one.title for one in found] == ["left", "a.b", "monitor", "observer"]
    assert [one.rate_hz for one in found] == [60.0, None, None, None]


def test_files_that_differ_are_kept():
    assert files(("left/monitor", {"file": "l.npz"}), ("right/monitor", {})) == ["l.npz", "trace.npz"]


def test_titles_that_would_be_the_same_are_the_full_names():
    assert files(("left/monitor", {}), ("left", {})) == ["left.monitor.trace.npz", "left.trace.npz"]


@pytest.mark.parametrize("file", ["../trace.npz", "a/trace.npz", "trace.txt", ".npz"])
def test_a_trace_is_a_file_in_the_session_folder(file):
    with pytest.raises(NodeError, match="file"):
        watched(nodes(("monitor", {"file": file})))
