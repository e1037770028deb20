"""Checkpoints, memories and recordings of one world are refused in another world with the same spaces."""

from __future__ import annotations

import json
import shutil

import pytest
from support.sessions import RECORDING, recorded

from rtgraph.graphs import load_launch
from rtgraph.launch.arguments import FOLDERS
from rtgraph.msgs.errors import GraphError
from rtgraph.nodes.runtime.identity import differences

HERE, ELSEWHERE = "support.edges:ThreeSteps-v0", "support.edges:OneStep-v0"
KINDS = ("checkpoint", "resume", "replay_folder", "demonstration")


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Return the results of a run: a session with checkpoints and a recording, and a memory on disk."""
    folder = tmp_path_factory.mktemp("learned")
    arguments = {"id": HERE, "workers": "1", "latency_frames": "1", "minimum": "10", "replay_mib": "2"}
    arguments["replay_folder"] = str(folder / "memory")
    recorded("gymnasium_learning", folder / "s", arguments, ticks=60, record=True)
    return folder


def given(session, kind):
    places = {"replay_folder": session / "memory", "demonstration": session / "s" / RECORDING}
    return {kind: str(places.get(kind, session / "s" / "checkpoints"))}


def planned(environment, arguments):
    more = {"id": environment, "replay_mib": "2", "minimum": "10"}
    return load_launch("gymnasium_learning", more | arguments, folders=FOLDERS, world="virtual", seed=0)


@pytest.mark.parametrize("kind", KINDS)
def test_another_world_is_refused_and_both_are_named(session, kind) -> None:
    planned(HERE, given(session, kind))
    with pytest.raises(GraphError, match=f"of another world: id is {HERE} there, {ELSEWHERE} here") as error:
        planned(ELSEWHERE, given(session, kind))
    assert "transfer=true" in str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_another_world_may_be_taken_on_purpose(session, kind) -> None:
    arguments = given(session, kind) | {"transfer": "true"}
    if kind == "resume":  # a resumed run continues in the same world
        with pytest.raises(GraphError, match="of another world"):
            planned(ELSEWHERE, arguments)
    else:
        planned(ELSEWHERE, arguments)


def test_what_does_not_say_which_world_it_is_of_is_taken(session, tmp_path, caplog) -> None:
    old = shutil.copytree(session, tmp_path / "old")
    (old / "memory" / "world.json").unlink()
    for facts in old.glob("s/checkpoints/*/facts.json"):
        told = json.loads(facts.read_text())
        del told["extra"]["identity"]
        facts.write_text(json.dumps(told))
    planned(ELSEWHERE, given(old, "replay_folder"))
    assert not caplog.records
    planned(ELSEWHERE, given(old, "checkpoint"))
    assert "does not say which world it is of" in caplog.text


@pytest.mark.parametrize(
    ("there", "here", "told"),
    [
        ({"class": "a:A", "id": 1}, {"class": "a:A", "id": 1}, ""),
        ({"class": "a:A", "id": 1}, {"class": "b:B", "id": 1}, "a:A there, b:B here"),
        ({"class": "a:A", "id": 1, "old": 2}, {"class": "a:A", "id": 1, "new": 3}, ""),
        ({"class": "a:A", "x": [1]}, {"class": "a:A", "x": [2]}, "x is [1] there, [2] here"),
        ({}, {"class": "a:A"}, ""),
        ({"class": "a:A"}, {}, ""),
    ],
)
def test_worlds_differ_by_class_and_by_the_parameters_that_both_have(there, here, told) -> None:
    assert differences(there, here) == told


def test_what_only_ends_or_shows_a_world_makes_no_other() -> None:
    def world(launch, **arguments):
        plan = load_launch(launch, arguments, folders=FOLDERS, world="virtual")
        return plan.weights["policy"].identity

    assert world("delay_learning", episode_ticks="7") == world("delay_learning")
    assert (
        differences(world("delay_learning", stay="0.5"), world("delay_learning"))
        == "stay is 0.5 there, 0.9 here"
    )
    assert differences(world("boxing"), world("krull")).startswith("game is boxing there, krull here")
