"""Networks in stages: what they earn in the delay environment, and how they are checked and verified."""

import numpy as np
import pytest
from support.host import HandHost

from rtgraph.launch.bags.verification import verify
from rtgraph.launch.cli import main
from rtgraph.launch.studies.work.virtual_run import VirtualRun
from rtgraph.msgs import Applied, Features, Header, Observation
from rtgraph.msgs.bag import Bag
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.emulator.proof_policies import ShiftedLayers
from rtgraph.nodes.emulator.theory import best_delayed_rate
from rtgraph.nodes.inference import Stage
from rtgraph.nodes.inference.stage import StageParams
from rtgraph.nodes.runtime import Placement

LAYERS = "rtgraph.nodes.emulator.proof_policies:ShiftedLayers"
SPEC = {
    "rate_hz": 60.0,
    "observation": {"dtype": "int64", "shape": [1]},
    "action": {"kind": "discrete", "count": 64},
}


class NoLayers:
    pass


def params(network, *, latency=1.0, **arguments):
    policy = {"kind": "scripted", "policy": network, "params": arguments}
    latency = {"kind": "constant", "frames": latency}
    return StageParams.model_validate({"plant": SPEC, "stages": 2, "policy": policy, "latency": latency})


@pytest.mark.parametrize(("stages", "skip", "newest"), [(4, "false", 4), (4, "true", 1), (1, "false", 1)])
def test_the_newest_observation_seen_decides_what_a_network_in_stages_earns(tmp_path, stages, skip, newest):
    arguments = {"stages": str(stages), "skip": skip, "lanes": "2000"}
    found = VirtualRun("delay_pipelined", arguments, ticks=260, judged_from=60).run(
        tmp_path, lambda share: None
    )
    assert found["reward"] == pytest.approx(best_delayed_rate(0.9, newest), abs=0.01)
    # A decision on every tick, with the age of the observation that passed all stages.
    assert (found["made"], found["inaction"]) == (pytest.approx(1, abs=0.01), 0)
    assert (found["age_mean"], found["age_sd"]) == (stages, 0)


def test_features_pass_from_stage_to_stage_and_are_verified(tmp_path):
    arguments = [
        "stages=3",
        "skip=true",
        "--ticks",
        "40",
        "--record",
        "--no-plots",
        "--out",
        str(tmp_path / "s"),
    ]
    assert main(["launch", "delay_pipelined", *arguments]) == 0
    bag = Bag.open(tmp_path / "s" / "session.mcap")
    messages = [recorded.message() for recorded in bag.messages()]
    passed = [m for m in messages if isinstance(m, Features)]
    assert {(m.stage, m.header.source) for m in passed} == {(0, "stage/0"), (1, "stage/1")}
    # Each observation passes each stage.
    observed = [[m.header.lineage.tick for m in passed if m.stage == stage] for stage in (0, 1)]
    assert observed == [list(range(39)), list(range(38))]
    applied = [m for m in messages if isinstance(m, Applied) and m.by == "policy"]
    assert {(m.worker, m.age_ticks) for m in applied} == {("stage/2", 3)}
    assert {verdict.outcome for verdict in verify(bag).nodes} == {"same"}


def test_stages_are_checked():
    Stage.check(params(LAYERS, stages=2, stay=0.9))
    with pytest.raises(NodeError, match=r"cannot be made: .*stages"):
        Stage.check(params(LAYERS))
    with pytest.raises(NodeError, match=r"has no method layer. hint: define layer\(self, stage"):
        Stage.check(params(f"{__name__}:NoLayers"))
    still = params(f"{__name__}:NoLayers", latency=0.0)
    with pytest.raises(NodeError, match="a stage needs a duration above 0 in the virtual world"):
        Stage.check_placement(still, Placement(name="stage/0", weights={}, realtime=False))


def staged(stages, *, skip):
    policy = {"kind": "random"}
    given = {"plant": SPEC, "stages": stages, "skip": skip, "policy": policy}
    return HandHost(Stage, given, name="stage/0")


def test_the_stages_are_as_many_as_the_nodes():
    with pytest.raises(
        NodeError,
        match=r"stage/0: a network of 2 stages needs as many nodes, but this node has 1 replicas. hint: set replicas: 2",
    ):
        staged(2, skip=True).begin()


@pytest.mark.parametrize("skip", [True, False])
def test_with_skip_connections_features_need_an_observation(skip):
    host = staged(1, skip=skip)
    host.begin()
    features = Features(stage=0, values=np.zeros(1), began_ns=0, seen=(3,))
    oldest = Observation(tick=3, episode=0, first=False, value=np.zeros(1, np.int64))
    host.deliver(
        "features", features, of=oldest.stamped(Header(source="plant", stamp_ns=0, sequence=3, incarnation=0))
    )
    host.run_until(10**9)
    assert host.node.result() == ({"without_observation": 1} if skip else {})
    assert [decision.seen for decision in host.messages("decision")] == ([] if skip else [(3,)])


def test_the_layers_of_the_delay_environment_pass_the_state_on():
    network = ShiftedLayers(stages=3, stay=0.5, states=4)
    state = np.array([3])
    assert network.layer(0, None, state).tolist() == [3]
    assert network.layer(1, np.array([1]), state).tolist() == [3]
    # Of three steps, the likeliest number of moves is 1; of one step, 0.
    assert network.layer(2, state, None) == 0
    assert network.layer(2, np.array([1]), state) == 3
    with pytest.raises(ValueError, match="got neither features nor an observation"):
        network.layer(1, None, None)
