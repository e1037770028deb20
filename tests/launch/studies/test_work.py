"""What the cells of studies compute, against what follows by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtgraph.launch.studies.study import Figures
from rtgraph.launch.studies.work import learned
from rtgraph.launch.studies.work.fewest import FewestLearners, FewestWorkers, fewest
from rtgraph.launch.studies.work.learned import Learned
from rtgraph.launch.studies.work.timed import InferenceTime, UpdateTime
from rtgraph.launch.studies.work.virtual_run import VirtualRun
from rtgraph.msgs.errors import LaunchError
from rtgraph.nodes.runtime import VirtualWorld
from rtgraph.nodes.runtime.checkpoint.snapshot import WorldSaver

TICK_MS = 1e3 / 60


def test_the_fewest_that_suffice_are_found_from_any_guess() -> None:
    for most in range(1, 12):
        for enough in range(1, most + 3):
            for guess in range(most + 4):
                found = fewest(lambda n, enough=enough: n >= enough, guess, most)
                assert found == (enough if enough <= most else None), (most, enough, guess)


@pytest.mark.parametrize("method", ["maximum_time", "expected_time", "paced"])
def test_constant_inference_times_need_as_many_workers_as_they_take_ticks(
    method: str, tmp_path: Path
) -> None:
    figures = FewestWorkers(method, (2.5 * TICK_MS,), epsilon=0.0, seed=0).run(tmp_path, lambda _: None)
    assert figures["tau"] == pytest.approx(2.5)
    assert (figures["by_rate"], figures["by_inaction"]) == (3, 3)


def test_a_run_that_judges_nothing_is_refused() -> None:
    with pytest.raises(
        LaunchError, match="judged_from=500, the first measured tick, is not within the 50 ticks"
    ):
        VirtualRun("endless", {}, ticks=50, judged_from=500)


@pytest.mark.parametrize(("at_ticks", "age"), [(True, 5.0), (False, 5.5)])
def test_claims_at_ticks_are_of_new_observations(at_ticks: bool, age: float, tmp_path: Path) -> None:
    run = VirtualRun(
        "endless",
        {"workers": "1"},
        ticks=600,
        judged_from=200,
        latency={"kind": "constant", "frames": 4.5},
        gate={"hold": "contended"},
        claim_at_ticks=at_ticks,
    )
    figures = run.run(tmp_path, lambda _: None)
    # A claim at a tick ends 4.5 ticks later. One that follows at once begins half a tick after its observation.
    assert figures["age_mean"] == pytest.approx(age, abs=0.01)
    assert figures["inaction"] == pytest.approx(0.8 if at_ticks else 1 - 1 / 4.5, abs=0.01)


@pytest.mark.parametrize("method", ["maximum_time", "expected_time", "paced"])
def test_a_forward_pass_far_longer_than_the_random_decisions_before_it_removes_no_worker(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    work = FewestWorkers(method, (400 * TICK_MS,), epsilon=0.5, seed=0)
    made = work._run(20).trace(lambda _: None).decisions()
    assert len(made["stamp_ns"]) > 40
    assert "removed" not in caplog.text


def test_learners_make_one_update_at_every_tick_not_all_at_once() -> None:
    decisions = FewestLearners("round_robin", 4 * TICK_MS, batch=4)._run(4).trace(lambda _: None).decisions()
    judged = decisions["observed_tick"] > 100
    assert judged.sum() > 100
    assert set(np.diff(decisions["policy_version"][judged])) == {1}


def test_epsilon_halves_the_expected_time_and_not_the_longest() -> None:
    work = FewestWorkers("paced", (100.0, 100.0), epsilon=0.5, seed=0)
    assert sorted(work.durations_ms) == [2.0, 2.0, 100.0, 100.0]


def test_round_robin_learners_keep_pace_and_parallel_ones_do_not(tmp_path: Path) -> None:
    found = {
        learning: FewestLearners(learning, 1.5 * TICK_MS, batch=4).run(tmp_path, lambda _: None)
        for learning in ("round_robin", "parallel")
    }
    assert found["round_robin"]["by_updates"] == 2
    assert found["parallel"]["by_updates"] is None
    assert found["parallel"]["by_transitions"] == found["round_robin"]["by_transitions"] == 1


def test_times_are_measured(tmp_path: Path) -> None:
    inference = InferenceTime(1, 1 / 16, actions=6, passes=2).run(tmp_path, lambda _: None)
    update = UpdateTime(1, 1 / 16, actions=6, batch=2, updates=2).run(tmp_path, lambda _: None)
    assert inference["parameters"] == update["parameters"] == 54_178
    for figures in (inference, update):
        values = figures["values_ms"]
        assert isinstance(values, list)
        assert len(values) == 2
        assert 0 < min(values) <= figures["mean_ms"] <= max(values) == figures["max_ms"]


class Killed(Exception):
    """Stands for a kill: nothing of the cell is cleaned up."""


WORK = Learned(
    "catch",
    {"k": "0.0625", "minimum": "30", "workers": "2", "latency_frames": "1", "replay_mib": "4"},
    ticks=120,
    seed=3,
    greedy_episodes=2,
    checkpoint_ticks=40,
)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    return WORK.run(tmp_path_factory.mktemp("whole"), lambda _: None)


@pytest.mark.parametrize("place", ["the first checkpoint", "the second checkpoint", "the evaluation"])
def test_a_learning_cell_that_is_cut_off_ends_with_the_figures_of_an_undisturbed_one(
    tmp_path: Path, undisturbed: Figures, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    write = WorldSaver.write

    def write_and_die(self: WorldSaver, world: VirtualWorld) -> object:
        written.append(write(self, world))
        if place.split()[1] == ("first", "second")[len(written) - 1]:
            raise Killed
        return written[-1]

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        if place == "the evaluation":
            patched.setattr(learned, "evaluated", die)
        else:
            patched.setattr(WorldSaver, "write", write_and_die)
        with pytest.raises(Killed):
            WORK.run(tmp_path, lambda _: None)
    assert WORK.run(tmp_path, lambda _: None) == undisturbed
    assert undisturbed["updates"], "it learned"
    assert len(list(tmp_path.glob("run-*"))) == 1, "only the session that reached the end is kept"


def test_a_learning_cell_begins_again_where_its_checkpoints_are_damaged(
    tmp_path: Path, undisturbed: Figures
) -> None:
    (tmp_path / "run-0000" / "world").mkdir(parents=True)
    (tmp_path / "run-0000" / "world" / "000001").write_bytes(b"not a checkpoint")
    assert WORK.run(tmp_path, lambda _: None) == undisturbed
