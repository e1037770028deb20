"""A recording of an earlier version, with another time base, can be opened, played and exported as before."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from rtgraph.graphs import Plan
from rtgraph.launch.bags.player_console import player_plan
from rtgraph.launch.bags.verification import verify
from rtgraph.msgs import Observation
from rtgraph.msgs.bag.bag import Bag
from rtgraph.msgs.bag.export import TARGETS, exporter
from rtgraph.msgs.bag.writing.recover import recover
from rtgraph.msgs.errors import BagError
from rtgraph.nodes.runtime import validated_params
from rtgraph.nodes.runtime.classes.loading import load_class

RECORDING = Path(__file__).parent / "files" / "before_whole_ns"
TICKS = 16


@pytest.fixture
def bag(tmp_path):
    return Bag.open(shutil.copytree(RECORDING, tmp_path / "session"))


def test_it_opens_and_is_whole(bag):
    assert (bag.complete, bag.verify(), len(bag.files)) == (True, (), 2)
    assert bag.losses is not None
    assert bag.losses.lost == 0
    assert sum(bag.counts.values()) == sum(stream.count for stream in bag.losses.streams)


def test_its_messages_are_those_of_today(bag):
    messages = [recorded.message() for recorded in bag.messages(exclude=["_journal"])]
    ticks = [message.tick for message in messages if isinstance(message, Observation)]
    assert ticks == list(range(TICKS))


def test_its_plan_is_read_and_its_params_are_taken(bag):
    plan = Plan.from_yaml(bag.plan_yaml)
    for node in plan.nodes:
        validated_params(load_class(node.node), node.params)
    assert Plan.from_yaml(plan.to_yaml()) == plan


def test_it_can_be_played(bag):
    plan = player_plan(bag, start_s=0.1)
    assert {"observation", "decision", "applied"} <= set(plan.nodes[0].outputs.values())


@pytest.mark.parametrize("target", ["npz", "parquet", "foxglove"])
def test_it_is_exported(bag, target, tmp_path):
    pytest.importorskip("pyarrow")
    out = tmp_path / f"out{TARGETS[target].suffix}"
    report = exporter(target)(bag, out)
    assert report.messages == sum(bag.counts.values())
    assert target == "foxglove" or not report.left_out
    if target == "npz":
        with np.load(out) as run:
            assert run["observation/tick"].tolist() == list(range(TICKS))


def test_it_is_recovered_whole(bag, tmp_path):
    report = recover(bag.path, tmp_path / "recovered.mcap")
    assert (report.complete, report.missing) == (True, 0)


def test_without_journals_it_says_why_it_cannot_be_verified(bag):
    with pytest.raises(BagError, match="holds no journal"):
        verify(bag)
