"""Delay-aware agents as users launch them: learning, evaluation, verification, checkpoints, other agents."""

import json

import gymnasium
import numpy as np
import pytest

from rtgraph.graphs import Plan
from rtgraph.launch.bags.verification import verify
from rtgraph.launch.cli import main
from rtgraph.msgs import Applied, SampledBatch
from rtgraph.msgs.bag import Bag
from rtgraph.msgs.pending import PENDING
from rtgraph.nodes.metrics import read_table

CATCH = ["catch", "workers=3", "latency_frames=3", "k=0.0625", "delay_aware=pending"]
PENDULUM = ["gymnasium_learning", "id=Pendulum-v1", "rate_hz=20", "hidden=8", "batch=8", "minimum=40"]
VIRTUAL = ["--world", "virtual", "--no-plots"]


def launched(folder, *arguments, ticks=160):
    assert main(["launch", *arguments, *VIRTUAL, "--ticks", str(ticks), "--out", str(folder)]) == 0
    return json.loads((folder / "summary.json").read_text())


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("aware") / "session"
    arguments = ["minimum=40", "epsilon_from=null", "epsilon_over=null", "--record"]
    return folder, launched(folder, *CATCH, *arguments)


def test_it_learns_from_observations_with_pending_actions(learned):
    folder, summary = learned
    assert summary["learning"]["updates"] > 10
    assert summary["pending"] == {"slots": 3, "known": 3.0, "share": 1.0}
    batches = [m.message() for m in Bag.open(folder / "session.mcap").messages(topics=["batch*"])]
    assert batches
    assert all(isinstance(batch, SampledBatch) for batch in batches)
    assert batches[-1].observations.keys() == {"observation", PENDING}
    assert (batches[-1].observations[PENDING].max(), batches[-1].observations[PENDING].shape[1]) == (3, 3)


def test_the_curves_have_the_number_of_pending_actions_known(learned):
    folder, _ = learned
    columns, rows = read_table(folder / "metrics" / "updates.csv")
    decisions = [m.message() for m in Bag.open(folder / "session.mcap").messages(topics=["decision*"])]
    expected = np.mean([np.count_nonzero(decision.pending) for decision in decisions])
    assert 0 < expected < 3, "the first decisions of an episode know fewer"
    assert [row[columns.index("known")] for row in rows] == [pytest.approx(expected, rel=1e-6)]


@pytest.mark.parametrize(("slots", "warned"), [(3, False), (2, True)])
def test_a_delay_beyond_the_pending_actions_is_a_warning(slots, warned, tmp_path, capsys):
    launched(tmp_path / "s", *CATCH, "learn=false", f"pending_slots={slots}", ticks=30)
    said = " ".join(capsys.readouterr().err.split())
    text = "the delay is 3 ticks, and the policy sees 2 pending actions: it does not see the oldest. hint: pending_slots=3"
    assert (text in said) == warned
    assert ("pending actions" in said) == warned


def test_its_learner_and_replay_memory_are_verified(learned):
    found = verify(Bag.open(learned[0] / "session.mcap"), ["learner", "replay", "plant", "monitor"])
    assert {verdict.outcome for verdict in found.nodes} == {"same"}


def test_its_checkpoint_plays_as_it_was_learned_and_only_so(learned, tmp_path, capsys):
    out = ["--episodes", "3", "--seed", "1", "--out", str(tmp_path / "evaluated")]
    assert main(["evaluate", str(learned[0]), *CATCH, *out]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(learned[0]), *CATCH[:-1], *out]) == 2
    assert "was written for another plant" in " ".join(capsys.readouterr().err.split())


def test_another_agent_learns_in_the_same_graph(learned):
    arguments = dict(argument.split("=") for argument in CATCH[1:])
    made = gymnasium.make("rtgraph.launch.gym:rtgraph/Realtime-v0", launch="catch", pending=True, **arguments)
    observation, _ = made.reset(seed=0)
    assert observation["observation"].shape == (84, 84)
    made.step(1)
    made.close()


@pytest.mark.parametrize(("more", "known"), [(["pending=start"], 1), ([], 3), (["chunk=3"], 3)])
def test_workers_are_verified(tmp_path, more, known):
    summary = launched(tmp_path / "s", *CATCH, *more, "learn=false", "--record", ticks=60)
    assert summary["pending"]["known"] == known
    found = verify(Bag.open(tmp_path / "s" / "session.mcap"))
    assert {verdict.outcome for verdict in found.nodes} == {"same"}


def test_a_world_goes_on_from_a_checkpoint_in_the_middle_of_an_inference(tmp_path):
    aware = [*CATCH, "learn=false", "head_frames=1.5"]
    whole = launched(tmp_path / "whole", *aware, ticks=60)
    # The last checkpoint is written when some trunks have run, and their heads have not.
    launched(tmp_path / "first", *aware, "--checkpoint-every", "10", ticks=40)
    out = ["--ticks", "60", "--no-plots", "--out", str(tmp_path / "resumed")]
    assert main(["launch", "--resume-world", str(tmp_path / "first"), *out]) == 0
    resumed = json.loads((tmp_path / "resumed" / "summary.json").read_text())
    assert resumed["reward"] == whole["reward"]
    assert resumed["pending"] == whole["pending"]


def test_continuous_actions_are_seen_normalised(tmp_path):
    aware = ["workers=3", "latency_frames=3", "delay_aware=pending"]
    summary = launched(tmp_path / "s", *PENDULUM, *aware, "--record", ticks=120)
    assert summary["learning"]["updates"] > 10
    assert summary["pending"]["share"] == 1
    messages = Bag.open(tmp_path / "s" / "session.mcap").messages(topics=["applied"])
    applied = {m.tick: m for m in (each.message() for each in messages)}
    last = max(tick for tick, m in applied.items() if m.by == "policy")
    assert isinstance(applied[last], Applied)
    expected = [[applied[last - lag].action[0] / 2, 1] for lag in (3, 2, 1)]
    np.testing.assert_allclose(applied[last].pending, expected, rtol=1e-6)


@pytest.mark.parametrize("agent", ["single", "infer_learn"])
def test_agents_that_see_no_pending_actions_are_refused(agent, tmp_path, capsys):
    arguments = ["launch", *CATCH, f"agent={agent}", *VIRTUAL, "--ticks", "5", "--out", str(tmp_path / "s")]
    assert main(arguments) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "reads 3 pending actions, but this agent sees no pending actions" in said
    assert "delay_aware=pending and delay_aware=predict are only for agent=staggered" in said


PREDICT = ["catch", "observe=positions", "workers=3", "latency_frames=3", "delay_aware=predict"]


@pytest.fixture(scope="module")
def predicted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predict") / "session"
    return folder, launched(folder, *PREDICT, "minimum=30", "batch=8", "--record", ticks=120)


def test_an_agent_that_predicts_learns_and_is_verified(predicted):
    folder, summary = predicted
    assert summary["learning"]["updates"] > 10
    assert summary["pending"] == {"slots": 3, "known": 3.0, "share": 1.0}
    found = verify(Bag.open(folder / "session.mcap"), ["learner", "replay"])
    assert {verdict.outcome for verdict in found.nodes} == {"same"}


@pytest.mark.parametrize("read", ["start", "late"])
def test_workers_that_predict_are_verified(read, tmp_path):
    launched(tmp_path / "s", *PREDICT, f"pending={read}", "learn=false", "--record", ticks=40)
    found = verify(Bag.open(tmp_path / "s" / "session.mcap"), ["worker/*"])
    assert {verdict.outcome for verdict in found.nodes} == {"same"}


def test_an_agent_that_predicts_learns_its_model_with_the_discount_of_the_replay_memory(predicted):
    plan = Plan.from_yaml((predicted[0] / "plan.yaml").read_text())
    params = {node.name: node.params for node in plan.nodes}
    assert params["learner"]["algorithm"]["gamma"] == params["replay"]["gamma"]


def test_an_agent_that_predicts_goes_on_and_plays_only_as_it_was_learned(predicted, tmp_path, capsys):
    folder, summary = predicted
    resumed = launched(tmp_path / "r", *PREDICT, "minimum=30", "batch=8", f"resume={folder}", ticks=60)
    assert resumed["learning"]["version"] > summary["learning"]["version"]
    out = ["--episodes", "1", "--seed", "1", "--out", str(tmp_path / "evaluated")]
    assert main(["evaluate", str(folder), *PREDICT, *out]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(folder), *PREDICT[:-1], "delay_aware=pending", *out]) == 2
    assert "was written for another network" in " ".join(capsys.readouterr().err.split())


def test_an_agent_that_predicts_learns_continuous_actions(tmp_path):
    aware = ["workers=3", "latency_frames=3", "delay_aware=predict"]
    assert launched(tmp_path / "s", *PENDULUM, *aware, ticks=80)["learning"]["updates"] > 10
