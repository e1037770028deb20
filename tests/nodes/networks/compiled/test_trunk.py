"""Compiled convolutions against those of torch."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from rtgraph.msgs import ArraySpec, Discrete, PlantSpec
from rtgraph.msgs.pending import OBSERVATION, PENDING, with_pending
from rtgraph.nodes.algorithms.batch import TensorBatch
from rtgraph.nodes.algorithms.dqn.params import DqnParams
from rtgraph.nodes.learner.updates.update import Updater
from rtgraph.nodes.networks.build import build
from rtgraph.nodes.networks.compiled import trunk
from rtgraph.nodes.networks.compiled.compiler import library, warn_once
from rtgraph.nodes.networks.compiled.trunk import accelerate
from rtgraph.nodes.networks.impala import Impala
from rtgraph.nodes.networks.network import Network
from rtgraph.nodes.networks.spec import ImpalaSpec, MlpSpec

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


def plant(*frame: int) -> PlantSpec:
    return PlantSpec(
        rate_hz=60, observation=ArraySpec(dtype="uint8", shape=frame or (84, 84)), action=Discrete(count=4)
    )


def made(depth: int, k: float, *frame: int) -> Impala:
    """Return a network that is not dead: its biases are positive."""
    module = build(ImpalaSpec(depth=depth, k=k), plant(*frame), seed=3)  # type: ignore[arg-type]
    assert isinstance(module, Impala)
    with torch.no_grad():
        for name, parameter in module.sequences.named_parameters():
            if name.endswith("bias"):
                parameter.abs_()
    return module


def frames(count: int, *shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(count).integers(0, 256, (count, *shape), dtype=np.uint8))


@needs_compiler
@pytest.mark.parametrize(
    ("depth", "k", "frame", "count"),
    [
        (1, 1 / 16, (84, 84), 8),
        (1, 0.2, (3, 50, 61), 11),
        (1, 0.5, (40, 44), 1),
        (1, 1 / 16, (84, 84), 1),
        (2, 0.15, (3, 60, 61), 1),
        (2, 0.2, (3, 60, 61), 3),
    ],
)
def test_features_and_gradients_are_those_of_torch(
    depth: int, k: float, frame: tuple[int, ...], count: int
) -> None:
    module = made(depth, k, *frame)
    pictures = frames(count, *frame)
    change = torch.from_numpy(
        np.random.default_rng(1).standard_normal((count, module.inputs), dtype=np.float32)
    )
    parameters = list(module.sequences.parameters())
    wanted = module.features(pictures)
    slow = torch.autograd.grad(wanted, parameters, change)
    assert accelerate(module)
    for values in (pictures, pictures.to(torch.float32) / 255):
        found = module.features(values)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
        for ours, theirs in zip(torch.autograd.grad(found, parameters, change), slow, strict=True):
            assert torch.linalg.vector_norm(ours - theirs) <= 1e-4 * torch.linalg.vector_norm(theirs)
    assert all(gradient.abs().sum() > 0 for gradient in slow), "the network is not dead"
    with torch.inference_mode():
        torch.testing.assert_close(module.features(pictures), wanted, rtol=1e-4, atol=1e-5)


@needs_compiler
def test_a_pass_does_not_disturb_the_gradient_of_another() -> None:
    module = made(1, 1 / 16)
    assert accelerate(module)
    weight = module.sequences.get_parameter("0.0.weight")
    pictures = frames(8, 84, 84)
    alone = torch.autograd.grad(module.features(pictures).sum(), weight)[0]
    first, second = module.features(pictures), module.features(255 - pictures)
    with torch.no_grad():
        module.features(255 - pictures)
    other = torch.autograd.grad(second.sum(), weight)[0]
    assert torch.equal(torch.autograd.grad(first.sum(), weight, retain_graph=True)[0], alone)
    assert not torch.equal(other, alone)
    with pytest.raises(RuntimeError, match="can be computed only once"):
        torch.autograd.grad(first.sum(), weight)


@needs_compiler
@pytest.mark.parametrize("double", [False, True])
def test_updates_are_those_of_torch(double: bool) -> None:
    slow, fast = (
        Updater(
            ImpalaSpec(k=1 / 16),
            plant(),
            DqnParams(compiled=compiled, double=double, optimiser="sgd", learning_rate=1e-2, target_every=3),
            seed=2,
        )
        for compiled in (False, True)
    )
    before = slow.weights.clone()
    rng = np.random.default_rng(0)
    for _ in range(5):
        batch = TensorBatch(
            observations=torch.from_numpy(rng.integers(0, 256, (16, 84, 84), dtype=np.uint8)),
            actions=torch.from_numpy(rng.integers(4, size=16)),
            returns=torch.from_numpy(rng.standard_normal(16, dtype=np.float32)),
            next_observations=torch.from_numpy(rng.integers(0, 256, (16, 84, 84), dtype=np.uint8)),
            discounts=torch.full((16,), 0.99),
            weights=torch.ones(16),
        )
        losses = [updater.step(batch).loss for updater in (slow, fast)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    change = torch.linalg.vector_norm(slow.weights - before)
    assert change > 0
    assert torch.linalg.vector_norm(slow.weights - fast.weights) <= 1e-3 * change


@needs_compiler
def test_frames_of_another_shape_are_the_same_error() -> None:
    module = made(1, 1 / 16)
    assert accelerate(module)
    with pytest.raises(ValueError, match=r"expected frames of shape \(batch, 1, 84, 84\)"):
        module.features(frames(2, 84, 80))


def test_other_networks_are_left_to_torch() -> None:
    wide = build(ImpalaSpec(k=1), plant(), device="meta")
    assert not accelerate(wide)
    vector = PlantSpec(
        rate_hz=60, observation=ArraySpec(dtype="float32", shape=(3,)), action=Discrete(count=2)
    )
    assert not accelerate(build(MlpSpec(), vector))


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Another cache, in which nothing is compiled."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cached = (library, trunk._difference, warn_once)
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


@pytest.mark.usefixtures("uncompiled")
def test_a_cache_folder_that_is_not_absolute_is_ignored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CC", "false")
    assert not accelerate(made(1, 1 / 16))
    assert (tmp_path / "home" / ".cache" / "rtgraph").is_dir()
    assert not (tmp_path / "here").exists()


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize(
    ("compiler", "said"),
    [
        ("no-such-compiler", "there is no C compiler: the command 'no-such-compiler' is not found"),
        ("false", "failed: exit code 1"),
    ],
)
def test_without_a_compiler_torch_computes_and_one_line_says_so(
    compiler: str, said: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CC", compiler)
    module = made(1, 1 / 16)
    with caplog.at_level(logging.WARNING):
        assert not accelerate(module)
        assert not accelerate(delay_aware())
    (line,) = caplog.messages
    assert line.startswith("networks are not compiled: ")
    assert line.endswith(f"{said}. hint: install gcc")
    assert module.features(frames(1, 84, 84)).shape == (1, module.inputs)


def delay_aware() -> Network:
    seen = with_pending(plant(), 3)
    return build(ImpalaSpec(k=1 / 16), seen, seed=3)


@needs_compiler
def test_the_trunk_of_a_delay_aware_network_is_compiled() -> None:
    slow, fast = delay_aware(), delay_aware()
    assert accelerate(fast)
    seen = {OBSERVATION: frames(2, 84, 84), PENDING: torch.tensor([[0, 1, 4], [2, 2, 3]], dtype=torch.uint8)}
    with torch.inference_mode():
        torch.testing.assert_close(fast(seen), slow(seen), rtol=1e-4, atol=1e-5)
    assert fast.inner.compiled  # type: ignore[union-attr]


@needs_compiler
def test_results_that_differ_are_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    warn_once.cache_clear()
    monkeypatch.setattr(trunk, "_difference", lambda *_: 0.01)
    module = made(1, 1 / 16)
    assert not accelerate(module)
    assert caplog.messages == ["networks are not compiled: the results differ from those of torch by 1.0e-02"]
    assert module.compiled is None
