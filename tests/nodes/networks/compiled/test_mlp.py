"""Compiled fully connected networks against those of torch."""

from __future__ import annotations

import logging
import shutil

import numpy as np
import pytest
import torch

from rtgraph.msgs import ArraySpec, Continuous, Discrete, PartsSpec, PlantSpec
from rtgraph.msgs.errors import LearningError
from rtgraph.msgs.pending import OBSERVATION, PENDING, with_pending
from rtgraph.nodes.algorithms.dqn.params import DqnParams
from rtgraph.nodes.learner.updates.update import Updater
from rtgraph.nodes.networks.build import build
from rtgraph.nodes.networks.compiled import mlp
from rtgraph.nodes.networks.compiled.compiler import warn_once
from rtgraph.nodes.networks.compiled.mlp import compiled_mlp
from rtgraph.nodes.networks.flat import flatten
from rtgraph.nodes.networks.pending import TRUNK
from rtgraph.nodes.networks.spec import HeadSpec, MlpSpec
from rtgraph.nodes.replay import Batch

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")

WHOLE = ArraySpec(dtype="uint8", shape=(2, 3), low=0, high=6)
REAL = ArraySpec(dtype="float32", shape=(5,))


def plant(observation: ArraySpec | PartsSpec = WHOLE, slots: int = 0, actions: int = 3) -> PlantSpec:
    return with_pending(PlantSpec(rate_hz=60, observation=observation, action=Discrete(count=actions)), slots)


@pytest.mark.parametrize(
    ("spec", "seen"),
    [
        (MlpSpec(), plant()),
        (MlpSpec(hidden=(7, 33, 5)), plant(REAL, actions=40)),
        (MlpSpec(one_hot=7), plant()),
        (MlpSpec(one_hot=7, hidden=(40, 13)), plant(slots=4)),
        (MlpSpec(one_hot=7, hidden=(40, 13), predict=True), plant(slots=4)),
        (MlpSpec(predict=True), plant(slots=1)),
        (
            MlpSpec(),
            with_pending(
                PlantSpec(rate_hz=60, observation=REAL, action=Continuous(low=(-1.0, 0.0), high=(1.0, 2.0))),
                3,
            ),
        ),
        (
            MlpSpec(predict=True),
            with_pending(
                PlantSpec(rate_hz=60, observation=REAL, action=Continuous(low=(-1.0, 0.0), high=(1.0, 2.0))),
                3,
            ),
        ),
    ],
    ids=[
        "numbers",
        "three layers",
        "one hot",
        "late head",
        "predict",
        "predict, one slot",
        "continuous pending actions",
        "predict, continuous",
    ],
)
@pytest.mark.parametrize("count", [1, 9])
def test_values_and_gradients_are_those_of_torch(spec: MlpSpec, seen: PlantSpec, count: int) -> None:
    module = build(spec, seen, seed=3)
    compiled = compiled_mlp(module)
    assert compiled is not None
    weights = flatten(module).numpy()
    rng = np.random.default_rng(1)
    observations = compiled.drawn(rng, count)
    tensors = mlp._tensors(observations)
    wanted = module(tensors)
    change = rng.standard_normal(wanted.shape, dtype=np.float32)
    slow = torch.autograd.grad(wanted, list(module.parameters()), torch.from_numpy(change))
    np.testing.assert_allclose(compiled.values(weights, observations), wanted.detach(), rtol=1e-5, atol=1e-6)
    if isinstance(observations, dict):
        features = compiled.trunk(weights, observations[OBSERVATION])
        np.testing.assert_allclose(features, module.trunk(tensors).detach(), rtol=1e-5, atol=1e-6)
        late = compiled.values(weights, {TRUNK: features, PENDING: observations[PENDING]})
        np.testing.assert_allclose(late, wanted.detach(), rtol=1e-5, atol=1e-6)
    compiled.values(weights, observations)
    gradient = np.full_like(weights, 7)
    compiled.backward(weights, change, gradient)
    for parameter, value in zip(module.parameters(), slow, strict=True):
        parameter.data = value
    flat = flatten(module).numpy()
    np.testing.assert_allclose(np.where(gradient == 7, 0, gradient), flat, rtol=1e-4, atol=1e-6)


def batches(count: int, slots: int) -> list[Batch]:
    rng = np.random.default_rng(0)

    def seen() -> np.ndarray | dict[str, np.ndarray]:
        observations = rng.integers(0, 7, (32, 2, 3), dtype=np.uint8)
        pending = rng.integers(0, 4, (32, slots), dtype=np.int16)
        return {OBSERVATION: observations, PENDING: pending} if slots else observations

    return [
        Batch(
            observations=seen(),
            actions=rng.integers(3, size=32),
            returns=rng.standard_normal(32, dtype=np.float32) * 3,
            next_observations=seen(),
            discounts=rng.choice([0, 0.9, 0.81, 0.9**3, 0.9**5], 32).astype(np.float32),
            weights=rng.random(32, dtype=np.float32),
            indices=np.arange(32),
            demonstrated=rng.random(32) < 0.4,
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize(
    ("slots", "more", "margin"),
    [
        (0, {}, 0),
        (0, {}, 0.8),
        (3, {}, 0.2),
        (4, {"gamma": 0.9, "auxiliary_weight": 0.7}, 0),
        (4, {"gamma": None}, 1),
    ],
)
def test_updates_are_those_of_torch(
    double: bool, slots: int, more: dict[str, float | None], margin: float
) -> None:
    slow, fast = (
        Updater(
            MlpSpec(one_hot=7, predict=bool(more)),
            plant(slots=slots),
            DqnParams(
                compiled=compiled,
                double=double,
                learning_rate=1e-3,
                target_every=3,
                max_gradient_norm=1,
                **more,
            ),
            seed=2,
        )
        for compiled in (False, True)
    )
    before = slow.weights.clone()
    given = batches(20, slots)
    for batch in given:
        theirs, ours = slow.step(batch, margin), fast.step(batch, margin)
        assert ours.loss == pytest.approx(theirs.loss, rel=1e-4)
        assert ours.q_mean == pytest.approx(theirs.q_mean, rel=1e-3, abs=1e-5)
        np.testing.assert_allclose(ours.td_errors, theirs.td_errors, rtol=1e-3, atol=1e-5)
    assert float((slow.weights - before).abs().max()) > 1e-3
    torch.testing.assert_close(fast.weights, slow.weights, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("actions", np.full(32, 3), "an action in the batch is outside 0 to 2"),
        ("discounts", np.full(32, 1.5, np.float32), "a discount in the batch is outside 0 to 1"),
        ("weights", np.ones((32, 1), np.float32), r"weights should have the shape \(32,\)"),
        ("observations", np.zeros((32, 3, 2), np.uint8), r"observations should have the shape \(32, 2, 3\)"),
    ],
)
def test_errors_of_invalid_batches_are_those_of_torch(name: str, values: np.ndarray, says: str) -> None:
    updater = Updater(MlpSpec(one_hot=7), plant(), DqnParams(compiled=True), seed=2)
    (batch,) = batches(1, 0)
    fields = {field: getattr(batch, field) for field in Batch.__slots__} | {name: values}
    with pytest.raises(LearningError, match=says):
        updater.step(Batch(**fields))


@pytest.mark.parametrize("predict", [False, True])
@pytest.mark.parametrize(("slots", "slot"), [(1, 0), (4, 0), (4, 3)])
def test_actions_that_do_not_exist_are_pending_in_no_slot(predict: bool, slots: int, slot: int) -> None:
    updater = Updater(
        MlpSpec(one_hot=7, predict=predict), plant(slots=slots), DqnParams(compiled=True), seed=2
    )
    (batch,) = batches(1, slots)
    assert isinstance(batch.observations, dict)
    batch.observations[PENDING][5, slot] = 4
    with pytest.raises(RuntimeError, match="Class values must be smaller"):
        updater.step(batch)


def test_other_networks_are_left_to_torch() -> None:
    parts = PartsSpec(parts={"a": WHOLE, "b": REAL})
    for spec, seen in (
        (MlpSpec(hidden=(8,)), plant()),
        (MlpSpec(head=HeadSpec(dueling=True)), plant()),
        (MlpSpec(head=HeadSpec(noisy=True)), plant()),
        (MlpSpec(), plant(parts)),
        (MlpSpec(), plant(parts, slots=3)),
    ):
        assert compiled_mlp(build(spec, seen)) is None


def test_results_that_differ_are_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    warn_once.cache_clear()
    monkeypatch.setattr(mlp, "_difference", lambda *_: 0.01)
    with caplog.at_level(logging.WARNING):
        assert compiled_mlp(build(MlpSpec(), plant())) is None
    assert caplog.messages == ["networks are not compiled: the results differ from those of torch by 1.0e-02"]
