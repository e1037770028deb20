import json
import os
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch
from support.batches import PIXELS, VECTORS, drawn

from rtgraph.msgs.errors import CheckpointError
from rtgraph.nodes.algorithms.c51.params import C51Params
from rtgraph.nodes.algorithms.dqn.params import DqnParams
from rtgraph.nodes.learner.updates.checkpoint import Checkpoints, load
from rtgraph.nodes.learner.updates.update import Updater
from rtgraph.nodes.networks import HeadSpec, ImpalaSpec, MlpSpec, SupportSpec

RAINBOW = HeadSpec(dueling=True, noisy=True, support=SupportSpec(low=-6, high=6, atoms=13))
PARAMS = DqnParams(learning_rate=1e-2, target_every=4, double=True)
SMALL = MlpSpec(hidden=(8,))
CASES = [
    (
        MlpSpec(hidden=(16,), head=RAINBOW),
        VECTORS,
        C51Params(learning_rate=1e-2, target_every=4, double=True),
    ),
    (ImpalaSpec(k=1 / 8), PIXELS, PARAMS),
]


def same(one, other):
    assert one.facts == other.facts
    assert one.tensors.keys() == other.tensors.keys()
    return all(torch.equal(tensor, other.tensors[name]) for name, tensor in one.tensors.items())


def numbers(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("network", "plant", "params"), CASES, ids=["rainbow", "pixels"])
def test_what_is_resumed_goes_on_bit_for_bit(tmp_path, network, plant, params):
    rng = np.random.default_rng(0)
    batches = [drawn(rng, 8, frames=plant is PIXELS) for _ in range(9)]
    through = Updater(network, plant, params, seed=1)
    for batch in batches[:6]:
        through.step(batch)
    path = Checkpoints(tmp_path).save(through.training_state({"samples": 48, "turn": "learner/1"}))
    expected = [through.step(batch) for batch in batches[6:]]

    state = load(path)
    assert state.facts.extra == {"samples": 48, "turn": "learner/1"}
    resumed = Updater(state.facts.network, state.facts.plant, state.facts.algorithm, seed=99)
    resumed.load_training_state(state)
    assert resumed.version == 6
    for batch, result in zip(batches[6:], expected, strict=True):
        again = resumed.step(batch)
        assert np.array_equal(again.td_errors, result.td_errors)
        assert again._replace(td_errors=0) == result._replace(td_errors=0)
    assert same(resumed.training_state(), through.training_state())
    assert torch.equal(resumed.weights, through.weights)
    assert torch.equal(resumed.target_weights, through.target_weights)


def test_a_state_is_a_copy():
    updater = Updater(SMALL, VECTORS, PARAMS, seed=1)
    before = updater.training_state()
    kept = {name: tensor.clone() for name, tensor in before.tensors.items()}
    updater.step(drawn(np.random.default_rng(0)))
    assert all(torch.equal(before.tensors[name], tensor) for name, tensor in kept.items())


def test_the_last_ones_are_kept_and_the_newest_is_found(tmp_path):
    updater = Updater(SMALL, VECTORS, PARAMS, seed=1)
    checkpoints = Checkpoints(tmp_path / "run" / "checkpoints", keep=2)
    rng = np.random.default_rng(0)
    for number in range(4):
        path = checkpoints.save(updater.training_state())
        assert path.name == f"{number:06d}"
        updater.step(drawn(rng))
    assert numbers(checkpoints.folder) == ["000002", "000003"]
    assert load(checkpoints.folder).facts.version == 3
    assert load(checkpoints.folder / "000002").facts.version == 2
    # A run resumed from an older checkpoint writes newer ones.
    updater.load_training_state(load(checkpoints.folder / "000002"))
    checkpoints.save(updater.training_state())
    assert numbers(checkpoints.folder) == ["000003", "000004"]
    assert load(checkpoints.folder).facts.version == 2


@pytest.mark.parametrize("keep", [1, 3, 4, 7])
def test_as_many_as_asked_for_are_kept(tmp_path, keep):
    checkpoints, state = (
        Checkpoints(tmp_path, keep=keep),
        Updater(SMALL, VECTORS, PARAMS, seed=1).training_state(),
    )
    for number in range(9):
        checkpoints.save(state)
        assert numbers(tmp_path) == [f"{n:06d}" for n in range(max(0, number + 1 - keep), number + 1)]


def save_until(folder, states, call):
    """Save all states in a child process that is killed at the given system call, and return whether it was."""
    child = os.fork()
    if child == 0:
        seen = 0

        def counted(real):
            def function(*arguments, **more):
                nonlocal seen
                if seen == call:
                    os.kill(os.getpid(), signal.SIGKILL)
                seen += 1
                return real(*arguments, **more)

            return function

        for name in ("fsync", "rename", "mkdir", "rmdir", "unlink"):
            setattr(os, name, counted(getattr(os, name)))
        checkpoints = Checkpoints(folder, keep=1)
        for state in states:
            checkpoints.save(state)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert status == 0
    return False


def test_a_kill_at_any_instant_leaves_the_last_one_whole(tmp_path):
    updater = Updater(SMALL, VECTORS, PARAMS, seed=1)
    rng = np.random.default_rng(0)
    states = []
    for _ in range(3):
        states.append(updater.training_state())
        updater.step(drawn(rng))
    call = 0
    found = []
    while True:
        folder = tmp_path / str(call)
        Checkpoints(folder, keep=1).save(states[0])
        killed = save_until(folder, states[1:], call)
        state = load(folder)
        found.append(state.facts.version)
        assert same(state, states[state.facts.version])
        Checkpoints(folder, keep=1).save(states[2])  # leftovers are no obstacle
        assert len(numbers(folder)) == 1
        assert same(load(folder), states[2])
        shutil.rmtree(folder)
        if not killed:
            break
        call += 1
    assert found == sorted(found)
    assert set(found) == {0, 1, 2}


def test_a_file_cut_short_is_told(tmp_path):
    path = Checkpoints(tmp_path).save(Updater(SMALL, VECTORS, PARAMS, seed=1).training_state())
    whole = (path / "tensors.safetensors").read_bytes()
    for size in (0, 5, len(whole) // 2, len(whole) - 1):
        (path / "tensors.safetensors").write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match=r"000000 cannot be read.*hint: use an older"):
            load(path)
    (path / "tensors.safetensors").write_bytes(whole)
    facts = (path / "facts.json").read_text()
    for broken in ("", facts[:100], facts.replace('"version"', '"revision"')):
        (path / "facts.json").write_text(broken)
        with pytest.raises(CheckpointError, match="cannot be read"):
            load(path)


def test_one_of_an_older_version_is_refused_clearly(tmp_path):
    path = Checkpoints(tmp_path).save(Updater(SMALL, VECTORS, PARAMS, seed=1).training_state())
    facts = json.loads((path / "facts.json").read_text())
    del facts["algorithm"]
    (path / "facts.json").write_text(json.dumps(facts))
    with pytest.raises(
        CheckpointError,
        match=r"000000 does not name its algorithm.*hint: start from its weights alone: give checkpoint=",
    ):
        load(tmp_path)


def test_what_is_no_checkpoint_is_told(tmp_path):
    for path, lacks in (
        (tmp_path, "it has no facts.json"),
        (tmp_path / "nowhere", "there is no such folder"),
    ):
        with pytest.raises(CheckpointError, match=rf"is not a checkpoint: {lacks}.*hint: give"):
            load(path)


def test_a_folder_that_cannot_be_made_or_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=r"checkpoints cannot be written: Not a directory\. hint: "):
        Checkpoints(tmp_path / "file" / "checkpoints")
    checkpoints = Checkpoints(tmp_path / "gone")
    checkpoints.folder.rmdir()
    with pytest.raises(
        CheckpointError, match=r"000000 cannot be written: No such file or directory\. hint: "
    ):
        checkpoints.save(Updater(SMALL, VECTORS, PARAMS, seed=1).training_state())
    with pytest.raises(ValueError, match="at least 1"):
        Checkpoints(tmp_path, keep=0)


@pytest.mark.parametrize("change", ["network", "missing", "shape", "random"])
def test_a_state_of_something_else_changes_nothing(change):
    updater = Updater(SMALL, VECTORS, PARAMS, seed=1)
    before = updater.training_state()
    other = Updater(
        MlpSpec(hidden=(9,)) if change == "network" else SMALL, VECTORS, PARAMS, seed=2
    ).training_state()
    name = "second_moment.head.actions.2.bias"
    if change == "missing":
        del other.tensors[name]
    elif change == "shape":
        other.tensors[name] = torch.zeros(3)
    elif change == "random":
        other = replace(other, facts=other.facts.model_copy(update={"random": {"bit_generator": "MT"}}))
    message = {
        "network": "another network",
        "random": "random generator",
        "missing": f"the checkpoint has no tensor {name}",
        "shape": rf"tensor {name} is torch\.float32 of shape \(3,\), and the network needs",
    }[change]
    with pytest.raises(CheckpointError, match=message):
        updater.load_training_state(other)
    assert same(updater.training_state(), before)


def test_a_checkpoint_is_plain_json_and_safetensors(tmp_path):
    updater = Updater(SMALL, VECTORS, PARAMS, seed=1)
    path = Checkpoints(tmp_path).save(updater.training_state())
    facts = json.loads((path / "facts.json").read_text())
    assert facts["network"] == {"kind": "mlp", "hidden": [8]}
    assert facts["random"]["state"]["state"] > 2**64
    assert numbers(path) == ["facts.json", "tensors.safetensors"]
    header = (path / "tensors.safetensors").read_bytes()
    names = json.loads(header[8 : 8 + int.from_bytes(header[:8], "little")])
    assert {name.split(".")[0] for name in names} - {"__metadata__"} == {
        "weights",
        "target",
        "first_moment",
        "second_moment",
    }


@pytest.mark.parametrize("group", ["weights", "target", "second_moment"])
def test_what_is_not_finite_is_neither_written_nor_read(tmp_path, group):
    updater = Updater(SMALL, VECTORS, PARAMS, seed=1)
    checkpoints = Checkpoints(tmp_path)
    path = checkpoints.save(updater.training_state())
    state = updater.training_state()
    found = next(key for key in state.tensors if key.startswith(group))
    state.tensors[found].view(-1)[0] = float("nan")
    with pytest.raises(
        CheckpointError, match=rf"version 0 is not saved to .*: its tensor {found} holds NaN or infinity"
    ):
        checkpoints.save(state)
    assert numbers(tmp_path) == ["000000"]
    safetensors.torch.save_file(state.tensors, path / "tensors.safetensors")
    with pytest.raises(
        CheckpointError, match=rf"000000 cannot be used: its tensor {found} holds NaN or infinity"
    ):
        load(path)
