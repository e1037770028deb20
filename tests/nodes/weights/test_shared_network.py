"""From versions of weights to networks: switched without a copy, and started from a checkpoint."""

from __future__ import annotations

import contextlib
import json
import os

import numpy as np
import pytest
import safetensors.torch
import torch
from support.weights import shared_weights

from rtgraph.msgs import ArraySpec, Discrete, PlantSpec
from rtgraph.msgs.errors import CheckpointError
from rtgraph.nodes.algorithms.dqn.params import DqnParams
from rtgraph.nodes.learner.updates.checkpoint import Checkpoints
from rtgraph.nodes.learner.updates.update import Updater
from rtgraph.nodes.networks import HeadSpec, MlpSpec
from rtgraph.nodes.networks.build import build
from rtgraph.nodes.networks.parameters import write
from rtgraph.nodes.weights.checkpoint_reader import checkpoint_parameters
from rtgraph.nodes.weights.first_version import fill
from rtgraph.nodes.weights.memory_file import create
from rtgraph.nodes.weights.shared_network import VersionedModule
from rtgraph.nodes.weights.shared_versions import MOST, SharedVersions

PLANT = PlantSpec(rate_hz=60, observation=ArraySpec(dtype="float32", shape=(5,)), action=Discrete(count=3))
SPEC = MlpSpec(hidden=(8,))
INPUTS = torch.randn(4, 5, generator=torch.Generator().manual_seed(0))


def policy_weights(spec=SPEC, **more):
    return shared_weights(
        "policy", spec.model_dump(mode="json"), PLANT, **({"seed": 3, "sharing": "snapshot"} | more)
    )


@contextlib.contextmanager
def in_shared_memory(weights):
    descriptor = create("policy")
    try:
        fill(weights.name, weights.plan, descriptor)
        weights.where = SharedVersions(descriptor, weights.plan.sharing)
        yield weights
        weights.where.close()
    finally:
        os.close(descriptor)


@pytest.fixture(params=["shared memory", "one process"])
def weights(request):
    if request.param == "one process":
        yield policy_weights()
    else:
        with in_shared_memory(policy_weights()) as made:
            yield made


def other(seed):
    return build(SPEC, PLANT, seed=seed)


def publish(weights, version, seed):
    return weights.versions.publish(version, lambda memory: write(other(seed), memory))


def outputs(module):
    with torch.inference_mode():
        return module(INPUTS)


def address(memory):
    return np.frombuffer(memory, np.uint8).ctypes.data


def test_the_first_version_is_drawn_from_the_seed(weights):
    assert torch.equal(outputs(VersionedModule(weights).module), outputs(other(3)))


def test_going_over_to_a_version_copies_nothing(weights):
    network = VersionedModule(weights)
    assert network.version == 0
    slot = publish(weights, 1, seed=9)
    assert torch.equal(outputs(network.module), outputs(other(3))), "nobody told it to go over"
    assert network.use(1, slot)
    assert network.version == 1
    assert torch.equal(outputs(network.module), outputs(other(9)))
    memory = weights.versions.memory(slot)
    first = next(iter(network.module.parameters()))
    assert first.data_ptr() == address(memory)
    assert not first.requires_grad


def test_a_version_that_has_gone_is_not_used(weights):
    network = VersionedModule(weights)
    slot = publish(weights, 1, seed=9)
    for version in range(2, 2 + MOST):
        publish(weights, version, seed=9)
    assert not network.use(1, slot)
    assert network.version == 0
    assert torch.equal(outputs(network.module), outputs(other(3)))


def test_the_version_before_is_let_go_of(weights):
    network = VersionedModule(weights)
    for version in range(1, 30):
        assert network.use(version, publish(weights, version, seed=version))
        assert torch.equal(outputs(network.module), outputs(other(version)))
    assert weights.versions.skipped == 0


def test_many_in_one_process_act_with_a_version_each(weights):
    networks = [VersionedModule(weights)]
    for version in (1, 2):
        publish(weights, version, seed=version)
        networks.append(VersionedModule(weights))
    assert [network.version for network in networks] == [0, 1, 2]
    for _ in range(2):
        for network, seed in zip(networks, (3, 1, 2), strict=True):
            assert torch.equal(outputs(network.module), outputs(other(seed)))
    assert len({id(network.module) for network in networks}) == 1


# ---- from a checkpoint ---------------------------------------------------------------------------------------------


@pytest.fixture
def checkpoints(tmp_path):
    """Return a folder with checkpoints of versions 5 and 6, and the newest weights."""
    updater = Updater(SPEC, PLANT, DqnParams(), seed=1)
    kept = Checkpoints(tmp_path / "checkpoints")
    for updater.version in (5, 6):
        updater.weights.add_(1)
        kept.save(updater.training_state())
    module = other(0)
    module.load_state_dict(updater.training_state().weights())
    return tmp_path / "checkpoints", module


def test_the_first_version_may_be_that_of_a_checkpoint(checkpoints):
    folder, module = checkpoints
    kept = checkpoint_parameters(folder)
    assert (kept.folder, kept.version, kept.network) == (folder / "000001", 6, SPEC)
    for made in (contextlib.nullcontext, in_shared_memory):
        with made(policy_weights(checkpoint=str(folder), version=6)) as weights:
            assert weights.versions.newest()[0] == 6
            assert torch.equal(outputs(VersionedModule(weights).module), outputs(module))
    assert checkpoint_parameters(folder / "000000").version == 5


def test_a_checkpoint_of_something_else_is_refused(checkpoints):
    folder, _ = checkpoints
    kept = checkpoint_parameters(folder)
    with pytest.raises(CheckpointError, match=r"another network: hidden is \[8\] there, \[9\] here"):
        kept.must_be_of(MlpSpec(hidden=(9,)).model_dump(mode="json"), PLANT)
    with pytest.raises(CheckpointError, match=r"another plant: rate_hz is 60.0 there, 50.0 here"):
        kept.must_be_of(SPEC.model_dump(mode="json"), PLANT.model_copy(update={"rate_hz": 50.0}))
    with pytest.raises(CheckpointError, match="another network"):
        policy_weights(MlpSpec(hidden=(9,)), checkpoint=str(folder), version=6).versions.newest()
    with pytest.raises(CheckpointError, match="holds version 6 of the weights, and the plan needs version 4"):
        policy_weights(checkpoint=str(folder), version=4).versions.newest()


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_weights_that_are_not_finite_are_refused(checkpoints, value):
    folder, _ = checkpoints
    path = folder / "000001" / "tensors.safetensors"
    tensors = safetensors.torch.load_file(path)
    name = next(name for name in tensors if name.startswith("weights."))
    tensors[name].view(-1)[0] = value
    safetensors.torch.save_file(tensors, path)
    problem = f"000001 cannot be used: {name} is not finite"
    with pytest.raises(CheckpointError, match=problem):
        checkpoint_parameters(folder).must_be_finite()
    with pytest.raises(CheckpointError, match=problem):
        policy_weights(checkpoint=str(folder), version=6).versions.newest()


def test_what_is_no_checkpoint_is_refused(checkpoints, tmp_path):
    folder, _ = checkpoints
    (tmp_path / "empty").mkdir()
    for nowhere in (tmp_path / "nowhere", tmp_path / "empty", folder / "000000" / "facts.json"):
        with pytest.raises(
            CheckpointError, match=r"is not a checkpoint.*hint: give the folder of a checkpoint"
        ):
            checkpoint_parameters(nowhere)
    newest = folder / "000001"
    for damaged in (b"not safetensors at all", b""):
        (newest / "tensors.safetensors").write_bytes(damaged)
        with pytest.raises(CheckpointError, match="cannot be read"):
            checkpoint_parameters(folder).tensors()
    (newest / "tensors.safetensors").unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoint_parameters(folder).tensors()
    facts = json.loads((newest / "facts.json").read_text())
    for text in ("{", json.dumps(facts | {"version": -1}), "[]", "\xff"):
        (newest / "facts.json").write_text(text, "latin-1")
        with pytest.raises(CheckpointError, match="cannot be read"):
            checkpoint_parameters(folder)


# ---- noise ---------------------------------------------------------------------------------------------------------


def test_noise_is_each_ones_own_though_they_share_a_module():
    from rtgraph.nodes.inference.network_policy import EpsilonGreedyPolicy
    from rtgraph.nodes.inference.policy import EpsilonGreedyParams

    weights = policy_weights(MlpSpec(hidden=(8,), head=HeadSpec(noisy=True)))
    observations = np.random.default_rng(0).standard_normal((60, 5)).astype(np.float32)

    def policy(seed, **params):
        params = EpsilonGreedyParams(epsilon=0, **params)
        return EpsilonGreedyPolicy(weights, params, np.random.default_rng(seed))

    def acts(policy):
        return [policy.act(observation).action for observation in observations]

    alone, quiet = acts(policy(1)), acts(policy(1, noise=False))
    mine, others, dropped = policy(1), policy(2), policy(1, noise=False)
    together = [(mine.act(o).action, others.act(o).action, dropped.act(o).action) for o in observations]
    assert [act for act, _, _ in together] == alone
    assert [act for _, _, act in together] == quiet
    assert [act for _, act, _ in together] != alone
    assert acts(policy(2, noise=False)) == quiet != alone
