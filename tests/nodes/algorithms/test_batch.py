from dataclasses import replace

import numpy as np
import pytest
import torch
from support.batches import ACTIONS, STEERING, VECTORS, drawn

from rtgraph.msgs import ArraySpec, MultiDiscrete
from rtgraph.msgs.errors import LearningError
from rtgraph.msgs.spaces import PartsSpec
from rtgraph.nodes.algorithms.batch import TensorBatch
from rtgraph.nodes.replay.storage.batch import Batch as Recalled

CPU = torch.device("cpu")
FIELDS = ("observations", "actions", "returns", "next_observations", "discounts", "weights")


@pytest.fixture
def samples():
    return drawn(np.random.default_rng(0))


def checked(samples):
    return TensorBatch.of(samples, VECTORS, CPU)


def as_numpy(samples):
    return replace(samples, **{name: getattr(samples, name).numpy() for name in FIELDS})


def test_numpy_and_torch_give_the_same(samples):
    one, other = checked(samples), checked(as_numpy(samples))
    assert len(one) == len(other) == 16
    for name in FIELDS:
        assert torch.equal(getattr(one, name), getattr(other, name))


def test_types_are_made_right(samples):
    odd = replace(
        as_numpy(samples),
        actions=samples.actions.numpy().astype(np.uint8),
        returns=samples.returns.numpy().astype(np.float64),
        weights=np.ones(16, np.int32),
    )
    batch = checked(odd)
    assert (batch.actions.dtype, batch.returns.dtype, batch.weights.dtype) == (
        torch.int64,
        torch.float32,
        torch.float32,
    )


def test_arrays_that_may_not_be_written_to_are_taken(samples):
    frozen = as_numpy(samples)
    for name in FIELDS:
        getattr(frozen, name).flags.writeable = False
    assert torch.equal(checked(frozen).observations, samples.observations)


@pytest.mark.parametrize("name", ["returns", "discounts", "weights", "actions"])
def test_a_column_is_refused(samples, name):
    with pytest.raises(LearningError, match=f"{name} should .*not .*\\(16, 1\\)"):
        checked(replace(samples, **{name: getattr(samples, name)[:, None]}))


@pytest.mark.parametrize("name", ["observations", "next_observations"])
def test_observations_of_another_shape_are_refused(samples, name):
    with pytest.raises(LearningError, match=rf"{name} should have the shape \(16, 5\), not \(16, 4\)"):
        checked(replace(samples, **{name: getattr(samples, name)[:, :4]}))


@pytest.mark.parametrize("action", [-1, ACTIONS])
def test_an_action_that_is_none_is_refused(samples, action):
    actions = samples.actions.clone()
    actions[3] = action
    with pytest.raises(LearningError, match="an action in the batch is outside 0 to 3"):
        checked(replace(samples, actions=actions))


@pytest.mark.parametrize("discount", [-0.1, 1.1, float("nan")])
def test_a_discount_that_is_none_is_refused(samples, discount):
    discounts = samples.discounts.clone()
    discounts[3] = discount
    with pytest.raises(LearningError, match="a discount in the batch is outside 0 to 1"):
        checked(replace(samples, discounts=discounts))


def test_actions_that_are_no_numbers_of_actions_are_refused(samples):
    with pytest.raises(LearningError, match="not float32 of shape"):
        checked(replace(samples, actions=samples.returns))
    with pytest.raises(LearningError, match="integers"):
        checked(replace(samples, actions=samples.actions[:0]))


def test_what_a_replay_buffer_gives_is_taken(samples):
    fields = {name: getattr(samples, name).numpy() for name in FIELDS}
    batch = checked(Recalled(**fields, indices=np.arange(16)))
    assert all(torch.equal(getattr(batch, name), getattr(samples, name)) for name in FIELDS)


def test_continuous_actions_are_numbers(samples):
    moves = np.linspace(-1, 1, 32).reshape(16, 2)
    batch = TensorBatch.of(replace(samples, actions=moves), STEERING, CPU)
    assert batch.actions.dtype == torch.float32
    np.testing.assert_allclose(batch.actions.numpy(), moves, rtol=1e-6)
    for wrong in (moves[:, :1], moves[:, 0], np.ones((16, 2), np.int64)):
        with pytest.raises(
            LearningError, match=r"actions should be floating-point numbers of shape \(batch, 2\)"
        ):
            TensorBatch.of(replace(samples, actions=wrong), STEERING, CPU)
    with pytest.raises(LearningError, match="an action in the batch is not finite"):
        TensorBatch.of(replace(samples, actions=np.full((16, 2), np.nan)), STEERING, CPU)


def test_actions_of_another_kind_are_refused(samples):
    several = VECTORS.model_copy(update={"action": MultiDiscrete(size=2, count=3)})
    with pytest.raises(
        LearningError, match=r"no algorithm learns from multi_discrete actions\. hint: choose a plant"
    ):
        TensorBatch.of(samples, several, CPU)


PARTS = {"picture": ArraySpec(dtype="uint8", shape=(4, 3)), "joints": ArraySpec(dtype="float32", shape=(2,))}

SEVERAL = VECTORS.model_copy(update={"observation": PartsSpec(parts=PARTS)})


def of_parts(samples, **change):
    parts = {"picture": np.ones((16, 4, 3), np.uint8), "joints": np.zeros((16, 2), np.float32)} | change
    return replace(as_numpy(samples), observations=parts, next_observations=parts)


def test_observations_of_several_parts_are_tensors_by_name(samples):
    batch = TensorBatch.of(of_parts(samples), SEVERAL, CPU)
    assert {name: (part.dtype, tuple(part.shape)) for name, part in batch.observations.items()} == {
        "picture": (torch.uint8, (16, 4, 3)),
        "joints": (torch.float32, (16, 2)),
    }
    assert batch.next_observations.keys() == PARTS.keys()


def test_other_parts_than_the_plants_are_refused(samples):
    with pytest.raises(LearningError, match=r"observations\['joints'\] should have the shape"):
        TensorBatch.of(of_parts(samples, joints=np.zeros((16, 3))), SEVERAL, CPU)
    with pytest.raises(
        LearningError,
        match="has the parts picture, joints, more, and the plant has the parts picture, joints",
    ):
        TensorBatch.of(of_parts(samples, more=np.zeros(16)), SEVERAL, CPU)
    with pytest.raises(LearningError, match="should be a mapping with the parts picture, joints"):
        TensorBatch.of(samples, SEVERAL, CPU)
    with pytest.raises(LearningError, match="and the plant has one array"):
        checked(of_parts(samples))
