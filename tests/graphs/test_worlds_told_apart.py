"""Checkpoints, memories and recordings of one world are refused in another world with the same spaces."""

from __future__ import annotations

import json
import shutil

import pytest
from support.sessions import RECORDING, recorded, rewritten

from rtgraph.graphs import load_launch
from rtgraph.launch.file_options import FOLDERS
from rtgraph.msgs import ArraySpec, Discrete, PlantSpec
from rtgraph.msgs.errors import GraphError, ReplayError
from rtgraph.nodes.replay.belonging import check_folder, mark_folder, mark_mixed
from rtgraph.nodes.runtime.identity import differences

HERE, ELSEWHERE = "support.edges:ThreeSteps-v0", "support.edges:OneStep-v0"
SEEN = PlantSpec(rate_hz=60, observation=ArraySpec(dtype="float32", shape=(1,)), action=Discrete(count=2))
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
    with pytest.raises(
        GraphError, match=f"of another environment: id is {HERE} there, {ELSEWHERE} here"
    ) as error:
        planned(ELSEWHERE, given(session, kind))
    assert "transfer=true" in str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_no_transfer_is_proposed_of_what_does_not_fit(session, kind) -> None:
    with pytest.raises(GraphError, match=r"of another environment: id is|for another plant") as error:
        planned("support.edges:OneStepWide-v0", given(session, kind))
    fits_not = "its observations or actions do not fit this plant, so transfer=true cannot use it"
    assert (fits_not in str(error.value)) is (kind in {"replay_folder", "demonstration"})
    assert "nevertheless" not in str(error.value)


def test_no_transfer_is_proposed_of_a_recording_that_cannot_be_decoded(session, tmp_path) -> None:
    def cut(each):
        return each.data[:-1] if each.channel.topic == "observation" else each.data

    broken = rewritten(session / "s" / RECORDING, tmp_path / RECORDING, cut)
    with pytest.raises(GraphError, match=r"of another environment: id is .* so transfer=true cannot use it"):
        planned(ELSEWHERE, {"demonstration": str(broken)})


@pytest.mark.parametrize("kind", KINDS)
def test_another_world_may_be_taken_on_purpose(session, kind) -> None:
    arguments = given(session, kind) | {"transfer": "true"}
    if kind == "resume":  # a resumed run continues in the same world
        with pytest.raises(GraphError, match="of another environment"):
            planned(ELSEWHERE, arguments)
    else:
        planned(ELSEWHERE, arguments)


@pytest.mark.parametrize(
    "text", ['"x"', "null", "12", "[]", "{}", '{"game": 3}', '{"class": 3}', '{"class": "a']
)
def test_a_file_that_is_not_an_identity_is_an_error(tmp_path, text) -> None:
    (tmp_path / "world.json").write_text(text)
    with pytest.raises(
        ReplayError,
        match=r"world\.json does not contain the identity of an environment\. hint: remove this file",
    ):
        check_folder(tmp_path, {"class": "a:A"}, SEEN)


def test_a_folder_to_which_another_world_was_added_is_marked_as_mixed(tmp_path) -> None:
    one, other = {"class": "a:A", "id": 1}, {"class": "a:A", "id": 2}
    mark_folder(tmp_path, one)
    mark_mixed(tmp_path, one, [])
    assert check_folder(tmp_path, one, SEEN)
    mark_mixed(tmp_path, other, [])
    for here in (one, other):
        with pytest.raises(ReplayError, match="holds transitions of several environments"):
            check_folder(tmp_path, here, SEEN)


@pytest.mark.parametrize("kind", ["replay_folder", "demonstration"])
def test_a_run_with_transfer_marks_its_folder(session, tmp_path, kind) -> None:
    memory = tmp_path / "memory"
    if kind == "replay_folder":
        shutil.copytree(session / "memory", memory)
    arguments = given(session, kind) | {"replay_folder": str(memory), "workers": "1", "latency_frames": "1"}
    arguments |= {"id": ELSEWHERE, "minimum": "10", "replay_mib": "2"}
    recorded("gymnasium_learning", tmp_path / "s", arguments | {"transfer": "true"}, ticks=20, record=False)
    for world in (HERE, ELSEWHERE):
        with pytest.raises(GraphError, match="holds transitions of several environments"):
            planned(world, {"replay_folder": str(memory)})


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
    assert "does not name its environment" in caplog.text


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
