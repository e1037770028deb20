"""Networks in stages that learn, as users launch them: what they decide, what they learn from, and what they earn."""

import json

import pytest
from support.pipelines import plain

from rtgraph.graphs import Plan
from rtgraph.launch.bags.verification import verify
from rtgraph.launch.cli import main
from rtgraph.launch.world.virtual_run import launch_context
from rtgraph.msgs import Applied, Decision, Observation, SampledBatch
from rtgraph.msgs.bag import Bag
from rtgraph.nodes.emulator.tracking.theory import informed_rate
from rtgraph.nodes.weights.shared_network import VersionedModule

SMALL = ["observe=positions", "rows=7", "columns=3", "hidden=8", "agent=pipeline", "stages=3"]
CATCH = ["catch", *SMALL]
LEARNING = ["minimum=20", "batch=8", "epsilon_over=60"]
VIRTUAL = ["--world", "virtual", "--no-plots"]


def launched(folder, *arguments, ticks):
    assert main(["launch", *arguments, *VIRTUAL, "--ticks", str(ticks), "--out", str(folder)]) == 0
    return json.loads((folder / "summary.json").read_text())


def recorded(folder, kind):
    messages = (each.message() for each in Bag.open(folder / "session.mcap").messages())
    return [message for message in messages if isinstance(message, kind)]


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline") / "session"
    return folder, launched(folder, *CATCH, "skip=true", *LEARNING, "--record", ticks=120)


@pytest.mark.parametrize("skip", [True, False])
def test_decisions_are_the_plain_function_of_the_last_observations(tmp_path, skip):
    greedy = ["learn=false", "epsilon=0", "epsilon_from=null", "epsilon_over=null", "--record", "--seed", "6"]
    large = [*CATCH[:2], "rows=21", "columns=15", *CATCH[4:], f"skip={skip}".lower()]
    launched(tmp_path / "s", *large, *greedy, ticks=60)
    plan = Plan.from_yaml((tmp_path / "s" / "plan.yaml").read_text())
    module = VersionedModule(launch_context(plan, None).weights["policy"]).module
    value_at = {m.tick: m.value.reshape(-1).tolist() for m in recorded(tmp_path / "s", Observation)}
    decisions = recorded(tmp_path / "s", Decision)
    assert len(decisions) == 57
    for decision in decisions:
        oldest = decision.header.lineage.tick
        # The stages saw the three observations before the action; at first, stage 1 is idle and has not received the newest.
        seen = ((oldest + 1, oldest + 2) if oldest else (0, 1)) if skip else ()
        assert decision.seen == seen
        values = plain(module, [value_at[tick] for tick in (oldest, *seen)])
        assert decision.action == max(range(3), key=values.__getitem__)
    assert not skip or len({decision.action for decision in decisions}) == 3
    assert {verdict.outcome for verdict in verify(Bag.open(tmp_path / "s" / "session.mcap")).nodes} == {
        "same"
    }
    applied = [m for m in recorded(tmp_path / "s", Applied) if m.by == "policy"]
    assert {(m.tick - m.header.lineage.tick, len(m.seen)) for m in applied} == {(3, 2 if skip else 0)}


def test_batches_have_the_observations_of_the_applied_decisions(learned):
    folder, summary = learned
    assert summary["learning"]["updates"] > 10
    value_at = {m.tick: m.value.tolist() for m in recorded(folder, Observation)}
    applied = [m for m in recorded(folder, Applied) if m.by == "policy"]
    stacks = [[value_at[tick] for tick in (m.header.lineage.tick, *m.seen)] for m in applied]
    batches = recorded(folder, SampledBatch)
    names = ["observation", "observation@1", "observation@2"]
    for batch in batches:
        assert sorted(batch.observations) == names
        for place in range(len(batch.actions)):
            assert [batch.observations[name][place].tolist() for name in names] in stacks
            after = [batch.next_observations[name][place].tolist() for name in names]
            assert batch.discounts[place] == 0 or after in stacks
    assert len(batches) > 10


def test_its_learner_and_replay_memory_are_verified(learned):
    found = verify(Bag.open(learned[0] / "session.mcap"), ["learner", "replay", "plant", "monitor"])
    assert {verdict.outcome for verdict in found.nodes} == {"same"}


def test_all_stages_use_the_weights_that_are_learned(learned):
    folder, summary = learned
    versions = [decision.policy_version for decision in recorded(folder, Decision)]
    assert versions == sorted(versions)
    assert summary["learning"]["version"] - 1 <= versions[-1] <= summary["learning"]["version"]


def test_its_checkpoint_goes_on_and_plays_only_as_it_was_learned(learned, tmp_path, capsys):
    folder, summary = learned
    resumed = launched(tmp_path / "r", *CATCH, "skip=true", *LEARNING, f"resume={folder}", ticks=60)
    assert resumed["learning"]["version"] > summary["learning"]["version"]
    out = ["--episodes", "2", "--seed", "1", "--json", "--out", str(tmp_path / "evaluated")]
    assert main(["evaluate", str(folder), *CATCH, "skip=true", *out]) == 0
    for others in (
        CATCH,
        [*CATCH[:-2], "skip=true", "agent=staggered"],
        [*CATCH[:-1], "skip=true", "stages=4"],
    ):
        assert main(["evaluate", str(folder), *others, *out]) == 2
        assert "was written for another network" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("policy", ["random", "noop"])
def test_its_baselines_play(tmp_path, capsys, policy):
    out = ["--episodes", "2", "--json", "--out", str(tmp_path / "evaluated")]
    assert main(["evaluate", *CATCH, "skip=true", "--policy", policy, *out]) == 0
    assert json.loads(capsys.readouterr().out)["return"]["count"] == 2


def test_a_world_goes_on_from_a_checkpoint_between_two_stages(tmp_path):
    arguments = [*CATCH, "skip=true", "stage_frames=0.7", *LEARNING]
    whole = launched(tmp_path / "whole", *arguments, ticks=80)
    launched(tmp_path / "first", *arguments, "--checkpoint-every", "0.31", ticks=50)
    out = ["--ticks", "80", "--no-plots", "--out", str(tmp_path / "resumed")]
    assert main(["launch", "--resume-world", str(tmp_path / "first"), *out]) == 0
    resumed = json.loads((tmp_path / "resumed" / "summary.json").read_text())
    for name in ("reward", "decisions"):
        assert resumed[name] == whole[name]
    for name in ("loss_mean", "version"):
        assert resumed["learning"].get(name) == whole["learning"].get(name)


def test_with_skip_connections_it_earns_what_no_delayed_agent_can(tmp_path, capsys):
    agent = ["tracking", "agent=pipeline", "stages=4", "skip=true", "hidden=32", "episode_ticks=100"]
    learning = ["gamma=0.5", "batch=32", "updates_per_tick=0.5", "minimum=50", "epsilon_from=1"]
    learning += ["epsilon_over=600", "learning_rate=0.003", "target_every=50"]
    launched(tmp_path / "s", *agent, *learning, ticks=800)
    capsys.readouterr()
    out = ["--episodes", "10", "--seed", "1", "--json", "--out", str(tmp_path / "played")]
    assert main(["evaluate", str(tmp_path / "s"), *agent, *out]) == 0
    earned = json.loads(capsys.readouterr().out)["return"]["mean"] / 100
    # With a delay of 4 ticks, and all pending actions known, 0.68 is possible; with a delay of 1, 0.9.
    assert informed_rate(5, 0.9, 4) + 0.1 < earned < informed_rate(5, 0.9, 1)


def test_it_learns_continuous_actions(tmp_path):
    pendulum = ["gymnasium_learning", "id=Pendulum-v1", "rate_hz=20", "hidden=8", "batch=8", "minimum=40"]
    staged = ["agent=pipeline", "stages=3", "skip=true"]
    assert launched(tmp_path / "s", *pendulum, *staged, ticks=80)["learning"]["updates"] > 10


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["observe=picture", "k=0.0625"], "does not have 3 stages without skip connections. hint: use"),
        (
            ["observe=positions", "delay_aware=pending"],
            "a network in stages reads no pending actions, and no earlier actions of a chunk. hint: delay_aware=none",
        ),
        (
            ["observe=positions", "chunk=2"],
            "a network in stages reads no pending actions, and no earlier actions of a chunk. hint: delay_aware=none chunk=1",
        ),
    ],
)
def test_what_it_cannot_learn_is_refused(arguments, said, tmp_path, capsys):
    out = [*VIRTUAL, "--ticks", "5", "--out", str(tmp_path / "s")]
    assert main(["launch", "catch", "agent=pipeline", "stages=3", *arguments, *out]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
