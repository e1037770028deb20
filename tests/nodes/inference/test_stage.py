"""Networks in stages: what they earn in the delay environment, and how they are checked and verified."""

import numpy as np
import pytest

from rtgraph.launch.bags.verification import verify
from rtgraph.launch.cli import main
from rtgraph.launch.studies.work.virtual_run import VirtualRun
from rtgraph.msgs import Applied, Features
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


def params(network, **more):
    return StageParams.model_validate({"plant": SPEC, "layers": {"policy": network}, **more})


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
    Stage.check(params(LAYERS, layers={"policy": LAYERS, "params": {"stages": 2, "stay": 0.9}}))
    with pytest.raises(NodeError, match=r"cannot be made: .*stages"):
        Stage.check(params(LAYERS))
    with pytest.raises(NodeError, match=r"has no layers. hint: define layer\(self, stage"):
        Stage.check(params(f"{__name__}:NoLayers"))
    still = params(f"{__name__}:NoLayers", latency={"kind": "constant", "frames": 0})
    with pytest.raises(NodeError, match="a stage needs a duration in the virtual world"):
        Stage.check_placement(still, Placement(name="stage/0", weights={}, realtime=False))


def test_the_layers_of_the_delay_environment_pass_the_state_on():
    network = ShiftedLayers(stages=3, stay=0.5, states=4)
    state = np.array([3])
    assert network.layer(0, None, state).tolist() == [3]
    assert network.layer(1, np.array([1]), state).tolist() == [3]
    # Of three steps, the likeliest number of moves is 1; of one step, 0.
    assert network.layer(2, state, None) == 0
    assert network.layer(2, np.array([1]), state) == 3
    with pytest.raises(ValueError, match="needs features or an observation"):
        network.layer(1, None, None)
