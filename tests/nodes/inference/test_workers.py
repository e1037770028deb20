"""Workers and their coordinator in virtual time, with and without faults."""

import numpy as np
import pytest
from support.collecting import listening
from support.host import HandHost
from support.staggered import staggered_plans, staggered_world, trace_of
from support.weights import shared_weights

from rtgraph.msgs import Claim, CoordinatorBeat, Observation, PlantSpec, WeightsVersion, decode, encode
from rtgraph.msgs.errors import NodeError, WorldError
from rtgraph.msgs.wire.envelope import envelope
from rtgraph.msgs.wire.schemas import message_types, schema_hash
from rtgraph.nodes.inference import Worker
from rtgraph.nodes.runtime import LaunchContext, RunLimits, VirtualWorld
from rtgraph.nodes.runtime.virtual.faults import CrashFault, EdgeFault

SECOND = 10**9


def inaction(world, ticks):
    """Return the share of these ticks at which the default behaviour acted."""
    by = trace_of(world).ticks()["by"][ticks]
    assert by.size == len(range(ticks.start, ticks.stop))
    return (by == 1).mean()


def ran(method, workers=6, seconds=10, frames=4.3, faults=(), latency=None):
    latency = latency or {"kind": "normal", "frames": frames, "sd": 0.05}
    world = staggered_world(method, [latency] * workers, 60 * seconds, faults=faults)
    world.run()
    return world


@pytest.mark.parametrize("method", ["none", "maximum_time", "expected_time", "paced"])
def test_each_decision_is_on_the_newest_observation_of_when_it_began(method):
    decisions = trace_of(ran(method)).decisions()
    assert decisions["number"].size > 400
    assert (decisions["observed_tick"] == (decisions["began_ns"] + 1) * 60 // SECOND).mean() > 0.99
    for number in range(6):
        mine = decisions["number"][decisions["worker"] == number]
        assert (mine == np.arange(mine.size)).all(), "decisions of a worker are numbered from 0 without gaps"


@pytest.mark.parametrize("method", ["none", "maximum_time", "expected_time", "paced"])
def test_all_messages_are_as_validation_would_make_them(method):
    plans = listening(staggered_plans(method, [{"kind": "constant", "frames": 4.3}] * 2), journal=False)
    world = VirtualWorld(plans, seed=0, launch_context=LaunchContext(limits=RunLimits(ticks=90)))
    world.run()
    kinds = {schema_hash(each): each for each in message_types().values()}
    sent = set()
    for taken in world.node("collector").taken:
        message = decode(kinds[envelope(taken.data).schema_hash], taken.data)
        assert encode(message) == taken.data
        sent.add(message.schema_name)
    assert sent >= {"Observation", "Applied", "Decision", "WorkerState", "CoordinatorBeat"}
    assert sent >= ({"Claim"} if method == "paced" else set())


def test_paced_claims_each_observation_once():
    observed = trace_of(ran("paced")).decisions()["observed_tick"]
    assert np.unique(observed).size == observed.size


def test_the_coordinator_does_nothing_at_observations_while_all_workers_are_busy():
    plans = [
        plan.model_copy(update={"params": plan.params | {"skips_observations": True}})
        if plan.name == "coordinator"
        else plan
        for plan in staggered_plans("paced", [{"kind": "constant", "frames": 5.3}])
    ]
    world = VirtualWorld(plans, launch_context=LaunchContext(limits=RunLimits(ticks=600)))
    coordinator = world.node("coordinator")
    called, handler = [], coordinator.observation.handler
    coordinator.observation.handler = lambda observation: (
        called.append(observation.tick),
        handler(observation),
    )
    world.run()
    decisions = trace_of(world).decisions()
    assert decisions["number"].size > 100
    # The first observations come before the only worker's first claim.
    assert len(called) <= 2
    assert coordinator.observation.handler is None
    usual = staggered_world("paced", [{"kind": "constant", "frames": 5.3}], 600)
    usual.run()
    assert (trace_of(usual).decisions()["observed_tick"] == decisions["observed_tick"]).all()
    assert usual.events > 1.5 * world.events


def test_staggering_removes_the_inaction_that_none_leaves():
    constant = {"kind": "constant", "frames": 4.3}
    assert inaction(ran("none", latency=constant), slice(300, 600)) > 0.7
    for method in ("maximum_time", "expected_time", "paced"):
        assert inaction(ran(method, latency=constant), slice(300, 600)) == 0.0, method


# ---- when nodes die ------------------------------------------------------------------------------------------------


def crash(node, at_s, back_after_s=None):
    back = None if back_after_s is None else int(back_after_s * SECOND)
    return CrashFault(node=node, at_ns=int(at_s * SECOND), restart_after_ns=back)


def test_workers_run_free_without_a_coordinator_and_are_paced_again_when_it_is_back():
    world = ran("paced", seconds=12, faults=[crash("coordinator", 4, 4)])
    observed = trace_of(world).decisions()
    seconds = observed["stamp_ns"] // SECOND
    # After half a second of silence all run free: identical workers infer from the same observations.
    assert inaction(world, slice(245, 270)) > 0.9
    free = observed["observed_tick"][(seconds >= 5) & (seconds < 8)]
    assert free.size > 3 * 60, "six workers of 4.3 frames run free"
    assert inaction(world, slice(300, 480)) < 0.9
    assert inaction(world, slice(540, 720)) <= 0.05
    assert trace_of(world).ticks()["delay_ticks"].max() <= 11, "an old observation was inferred from"
    paced = observed["observed_tick"][seconds >= 9]
    assert np.unique(paced).size == paced.size, (
        "an observation was used twice after the coordinator came back"
    )


def test_the_others_go_on_when_a_worker_dies_and_take_it_back():
    world = ran("paced", workers=6, frames=4.3, seconds=14, faults=[crash("worker/2", 4, 5)])
    assert inaction(world, slice(120, 240)) <= 0.02
    assert inaction(world, slice(400, 540)) <= 0.05, "five workers are enough for 4.3 frames"
    assert inaction(world, slice(660, 840)) <= 0.02
    decisions = trace_of(world).decisions()
    last = decisions["stamp_ns"] > 10 * SECOND
    assert np.unique(decisions["worker"][last]).size == 6


@pytest.mark.parametrize("method", ["maximum_time", "expected_time"])
def test_a_worker_that_comes_back_is_told_how_things_stand(method):
    world = ran(method, faults=[crash("worker/2", 3, 1)])
    worker = world.node("worker/2")
    assert worker.context.identity.incarnation == 1
    assert worker.decision.sent[None] > 50
    if method == "maximum_time":
        assert worker._method._maximum_ns == world.node("coordinator")._method.maximum_ns


def test_a_worker_that_is_gone_leaves_the_ring():
    world = ran("expected_time", faults=[crash("worker/2", 3)])
    assert world.node("coordinator")._ring == [f"worker/{number}" for number in (0, 1, 3, 4, 5)]


@pytest.mark.parametrize("edge", ["claim", "state", "observation", "beat", "decision"])
def test_lost_messages_do_not_stop_a_paced_worker(edge):
    world = ran("paced", seconds=20, faults=[EdgeFault(port=edge, drop=0.05)])
    decisions = trace_of(world).decisions()
    late = decisions["stamp_ns"] > 15 * SECOND
    assert np.unique(decisions["worker"][late]).size == 6, f"a worker is stuck after lost messages on {edge}"
    assert inaction(world, slice(900, 1_200)) < 0.5


def test_doubled_messages_change_nothing_but_what_they_double():
    world = ran(
        "paced",
        seconds=5,
        faults=[EdgeFault(port="claim", duplicate=0.3), EdgeFault(port="state", duplicate=0.3)],
    )
    observed = trace_of(world).decisions()["observed_tick"]
    assert np.unique(observed).size == observed.size
    assert inaction(world, slice(100, 300)) <= 0.02


# ---- a worker by hand ----------------------------------------------------------------------------------------------


def worker(latency_frames=3.0, stagger="paced", **more):
    plant = staggered_plans("none", [{}])[0]
    assert plant.name == "plant"
    params = staggered_plans(stagger, [{"kind": "constant", "frames": latency_frames}])[2].params
    host = HandHost(Worker, params | more, name="w/0")
    host.begin()
    return host


def observation(tick):
    return Observation(tick=tick, episode=0, value=np.array([tick]))


def claim(host, number, tick=0, incarnation=0):
    observed = observation(tick)
    message = Claim(number=number, worker="w/0", incarnation=incarnation, observation=observed)
    host.deliver("claim", message, source="coordinator", sequence=number)


def test_a_paced_worker_waits_for_a_claim_and_says_when_it_is_done():
    host = worker()
    (said,) = host.messages("state")
    assert (said.busy, said.claim, said.inference_ns) == (False, None, None)
    host.deliver("observation", observation(0))
    assert not host.executor.busy
    claim(host, 0)
    assert host.executor.busy
    host.run_until(50_000_001)
    said = host.messages("state")[-1]
    assert (said.busy, said.claim, said.inference_ns) == (False, 0, 50_000_001)
    (decision,) = host.messages("decision")
    assert (decision.number, decision.began_ns, decision.inference_ns, decision.explored) == (
        0,
        0,
        50_000_001,
        True,
    )
    assert decision.header.lineage.tick == 0
    assert host.messages("inference_time") == []


def test_a_claim_that_came_twice_is_answered_and_not_followed():
    host = worker()
    claim(host, 0)
    host.run_until(50_000_001)
    answers = len(host.messages("state"))
    claim(host, 0)
    assert not host.executor.busy
    assert len(host.messages("state")) == answers + 1


def test_a_claim_for_an_earlier_life_is_answered_and_not_followed():
    host = worker()
    claim(host, 0, incarnation=7)
    assert not host.executor.busy
    assert len(host.messages("state")) == 2


def test_a_worker_says_how_it_is_twice_a_second():
    host = worker()
    host.run_until(1_600_000_000)
    assert [time_ns for time_ns, output, *_ in host.sent if output == "state"] == [
        0,
        *(n * SECOND // 2 for n in (1, 2, 3)),
    ]


def test_a_worker_without_a_coordinator_runs_free_until_its_next_claim():
    host = worker(stagger="paced")
    host.deliver("beat", CoordinatorBeat(method="paced", live_workers=1), source="coordinator")
    host.run_until(400_000_000)
    assert host.node.observation.paused
    host.run_until(SECOND)
    host.deliver("observation", observation(60), source="plant")
    host.run_until(SECOND + 210_000_000)
    assert len(host.messages("decision")) == 4, "one after the other from the newest, used or not"
    claim(host, 5, tick=61)  # while it is busy
    host.deliver("beat", CoordinatorBeat(method="paced", live_workers=1), source="coordinator", sequence=1)
    host.deliver("observation", observation(62), source="plant", sequence=1)
    host.run_until(SECOND + 400_000_000)
    assert host.node.observation.paused
    ticks = [decision.header.lineage.tick for decision in host.messages("decision")]
    assert ticks == [60] * 5 + [61]


def test_a_worker_of_the_other_methods_goes_on_at_once_and_reports():
    host = worker(stagger="maximum_time")
    host.deliver("observation", observation(0), source="plant")
    host.run_until(160_000_000)
    assert [time_ns for time_ns, output, *_ in host.sent if output == "decision"] == [
        50_000_001,
        100_000_002,
        150_000_003,
    ]
    assert [report.inference_ns for report in host.messages("inference_time")] == [50_000_001] * 3


# ---- versions of the weights ---------------------------------------------------------------------------------------


class Learned:
    """A worker with a network that chooses one action for every observation, and another action with each version."""

    def __init__(self):
        plant = staggered_plans("none", [{}])[2].params["plant"]
        network = {"kind": "mlp", "hidden": []}
        self.weights = shared_weights("policy", network, PlantSpec.model_validate(plant), sharing="snapshot")
        self.host = HandHost(
            Worker,
            {
                "plant": plant,
                "stagger": "none",
                "policy": {"kind": "epsilon_greedy", "epsilon": 0.0},
                "latency": {"kind": "constant", "frames": 3.0},
            },
            name="w/0",
            launch_context=LaunchContext(weights={"policy": self.weights}),
        )
        self.said = 0

    def publish(self, version):
        from support.publishing import parameters_of

        slot = self.weights.versions.publish(version, parameters_of(version, self.weights))
        return WeightsVersion(weights="policy", version=version, slot=slot)

    def hears(self, announced):
        self.host.deliver("weights", announced, source="learner", sequence=self.said)
        self.said += 1

    def decided(self):
        return [(decision.policy_version, decision.action) for decision in self.host.messages("decision")]


def test_weights_change_between_inferences_and_only_to_the_newest():
    learned = Learned()
    learned.host.begin()
    learned.hears(learned.publish(1))
    learned.host.deliver("observation", observation(0), source="plant")
    for version in (2, 3, 6):  # in the middle of an inference
        learned.hears(learned.publish(version))
    learned.host.run_until(110_000_000)
    assert learned.decided() == [(1, 1), (6, 2)]
    assert learned.host.node.result() == {
        "policy_versions": {"first": 1, "last": 6, "switches": 1, "missed": 0}
    }


def test_weights_that_have_gone_are_missed_and_counted():
    learned = Learned()
    learned.host.begin()
    gone = learned.publish(1)
    for version in range(2, 9):
        learned.publish(version)
    learned.hears(gone)
    learned.host.deliver("observation", observation(0), source="plant")
    learned.host.run_until(60_000_000)
    ((version, _),) = learned.decided()
    assert version == 0
    assert learned.host.node.result()["policy_versions"]["missed"] == 1


def test_a_worker_that_begins_late_begins_with_the_newest():
    learned = Learned()
    learned.publish(5)
    learned.host.begin()
    learned.host.deliver("observation", observation(0), source="plant")
    learned.hears(learned.publish(7).model_copy(update={"weights": "another/policy"}))
    learned.host.run_until(110_000_000)
    assert learned.decided() == [(5, 1), (5, 1)], "other weights are not its own"


def test_a_worker_on_weights_that_nobody_changes_tells_nothing_of_them():
    learned = Learned()
    learned.host.begin()
    learned.host.deliver("observation", observation(0), source="plant")
    learned.host.run_until(60_000_000)
    assert learned.host.node.result() == {}


# ---- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("latency", [{"kind": "measured"}, {"kind": "constant", "frames": 0}])
def test_virtual_time_cannot_measure(latency):
    world = staggered_world("none", [latency], 10)
    with pytest.raises(NodeError, match="worker/0: inferences need a duration in the virtual world"):
        world.run()


def test_inferring_in_no_time_from_the_newest_observation_is_refused_by_name():
    world = staggered_world("none", [{"kind": "empirical", "values_ms": [0.0]}], 10)
    with pytest.raises(
        WorldError,
        match=r"in a cycle without delay, or a node calls after\(0, …\) again and again: .*worker/0",
    ):
        world.run()


class ArgMax:
    def act(self, observation):
        return np.argmax([1, 5, 2])


def test_a_script_may_return_a_number_of_numpy():
    plans = staggered_plans("paced", [{"kind": "constant", "frames": 1.0}])
    scripted = {"kind": "scripted", "policy": f"{__name__}:ArgMax"}
    plans[2] = plans[2].model_copy(update={"params": {**plans[2].params, "policy": scripted}})
    world = VirtualWorld(plans, launch_context=LaunchContext(limits=RunLimits(ticks=10)))
    world.run()
    assert trace_of(world).figures()["decisions"]["applied"] == 9
