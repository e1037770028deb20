"""Weights that a process inherits are all that the plan says of them."""

from __future__ import annotations

import os

import msgpack
import pytest

from rtgraph.msgs import ArraySpec, Discrete, PlantSpec
from rtgraph.nodes.runtime import NodePlan
from rtgraph.nodes.runtime.realtime.bus import BusPlan
from rtgraph.nodes.runtime.realtime.config import NodeConfig
from rtgraph.nodes.weights.inherited import InheritedWeights, fill_call, open_call, preload_call
from rtgraph.nodes.weights.memory_file import create
from rtgraph.nodes.weights.plan import WeightsPlan
from rtgraph.nodes.weights.shared_network import VersionedModule

PLAN = WeightsPlan(
    network={"kind": "mlp", "hidden": [4]},
    plant="plant",
    spec=PlantSpec(rate_hz=60, observation=ArraySpec(dtype="float32", shape=(5,)), action=Discrete(count=3)),
    seed=3,
    sharing="snapshot",
    identity={"class": "support.toys:Robot", "arm": "left"},
    begun=40,
    version=50,
)


@pytest.fixture
def inherited():
    descriptor = create("policy")
    yield (InheritedWeights(name="policy", plan=PLAN, descriptor=descriptor),)
    os.close(descriptor)


def sent(record):
    """Return a record as another process receives it."""
    data = msgpack.packb(record.model_dump(mode="json"))
    return type(record).model_validate(msgpack.unpackb(data))


def test_a_node_gets_the_whole_plan_of_weights_and_their_first_version(inherited):
    sent(preload_call(inherited))()
    sent(fill_call(inherited))()
    config = NodeConfig(
        plan=NodePlan(index=0, name="learner", node="support.toys:Robot"),
        incarnation=0,
        seed=0,
        control="",
        bus=BusPlan(plain="", lossless="", topics={}),
        weights=open_call(inherited),
    )
    weights = sent(config).launch_context().weights["policy"]
    assert weights.plan == PLAN
    assert weights.versions.newest()[0] == 50
    assert VersionedModule(weights).version == 50
    weights.where.close()
