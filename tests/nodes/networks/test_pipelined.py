"""Networks in stages: what they compute, stage by stage and at once, beside a plain function of what the stages observed."""

import numpy as np
import pytest
import torch
from support.batches import PARTS, PIXELS, STEERING, VECTORS
from support.pipelines import flat, plain

from rtgraph.msgs import ArraySpec
from rtgraph.msgs.pending import Pipeline, at_stage, observed_by_stages, with_later, without_later
from rtgraph.msgs.spaces import PartsSpec
from rtgraph.nodes.algorithms.acting_by_name import acting_of
from rtgraph.nodes.networks import HeadSpec, ImpalaSpec, MlpSpec
from rtgraph.nodes.networks.build import build
from rtgraph.nodes.networks.fit import check_fit
from rtgraph.nodes.networks.network import batch_of_one
from rtgraph.nodes.networks.pending import TRUNK

WIDTH = 6
PLANTS = {"vector": VECTORS, "parts": PARTS, "sac": STEERING}
pipelines = pytest.mark.parametrize(
    ("stages", "skip"), [(1, True), (2, False), (3, True), (4, False), (4, True)]
)


def drawn(plant, count):
    """Return observations of a plant."""
    rng = np.random.default_rng(0)

    def array(spec):
        if spec.dtype == "uint8":
            return rng.integers(256, size=spec.shape, dtype=np.uint8)
        return rng.standard_normal(spec.shape).astype(spec.dtype)

    made = [{name: array(spec) for name, spec in plant.parts.items()} for _ in range(count)]
    return made if isinstance(plant.observation, PartsSpec) else [one[""] for one in made]


def staged(plant, stages, skip):
    """Return a network in stages, and observations of all stages."""
    spec = MlpSpec(hidden=(WIDTH,), stages=stages, skip=skip)
    seen = with_later(plant, spec.later)
    module = acting_of(None, spec, seen).built(torch.device("cpu"), 0).eval()
    return module, drawn(plant, spec.later + 1)


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS)
@pipelines
def test_it_computes_the_plain_function_of_what_its_stages_observed(plant, stages, skip):
    module, observations = staged(plant, stages, skip)
    actor = getattr(module, "actor", module)
    inputs = [flat(plant, one) for one in observations]
    expected = plain(actor, inputs)
    outputs = module(batch_of_one(observed_by_stages(observations)))[0].tolist()
    assert outputs == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS)
@pipelines
def test_its_stages_one_by_one_compute_what_it_computes_at_once(plant, stages, skip):
    module, observations = staged(plant, stages, skip)
    seen = [batch_of_one(at_stage(one, stage)) for stage, one in enumerate(observations)]
    seen += [None] * (stages - len(seen))
    features = None
    for stage in range(stages - 1):
        features = module.layer(stage, features, seen[stage])
    last = (seen[-1] or {}) | ({} if features is None else {TRUNK: features})
    assert torch.equal(module(last), module(batch_of_one(observed_by_stages(observations))))


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS)
def test_every_parameter_learns(plant):
    module, observations = staged(plant, 3, skip=True)
    actor = getattr(module, "actor", module)
    module(batch_of_one(observed_by_stages(observations))).sum().backward()
    assert [name for name, parameter in actor.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize(("dtype", "shape"), [("int64", (1,)), ("uint8", (1, 1))])
def test_states_are_encoded_in_every_stage(dtype, shape):
    observation = ArraySpec(dtype=dtype, shape=shape, low=0, high=4)
    states = VECTORS.model_copy(update={"observation": observation})
    spec = MlpSpec(hidden=(WIDTH,), one_hot=5, stages=2, skip=True)
    check_fit(spec, with_later(states, 1))
    module = build(spec, with_later(states, 1))
    one_hot = [[float(place == state) for place in range(5)] for state in (3, 1)]
    seen = [np.full(shape, state, dtype) for state in (3, 1)]
    outputs = module(batch_of_one(observed_by_stages(seen)))[0].tolist()
    assert outputs == pytest.approx(plain(module, one_hot), rel=1e-4, abs=1e-5)


def test_the_parts_of_later_stages_are_named_after_their_stage():
    seen = with_later(VECTORS, Pipeline(agent="pipeline", stages=3, skip=True).later)
    assert list(seen.parts) == ["observation", "observation@1", "observation@2"]
    assert without_later(seen.observation, 2) == VECTORS.observation
    assert without_later(with_later(PARTS, 3).observation, 3) == PARTS.observation
    for plant in (VECTORS, PARTS):
        assert with_later(plant, 2).observation.admits(observed_by_stages(drawn(plant, 3)))
    for given in ({"stages": 3}, {"agent": "staggered", "stages": 3, "skip": True}):
        assert Pipeline.model_validate(given).later == 0
    reserved = PartsSpec(parts={"x": VECTORS.observation, "x@1": VECTORS.observation})
    with pytest.raises(
        ValueError, match=r"a part named 'x@1': this name is used for .*\. hint: rename the part"
    ):
        with_later(VECTORS.model_copy(update={"observation": reserved}), 1)


def test_what_is_not_in_stages_is_refused():
    with pytest.raises(ValueError, match=r"fully connected, .* of kind impala. hint: observe=positions"):
        check_fit(ImpalaSpec(stages=2), PIXELS)
    with pytest.raises(ValueError, match="this one has no hidden layers"):
        check_fit(MlpSpec(hidden=(), stages=2), VECTORS)
    module, observations = staged(VECTORS, 3, skip=True)
    with pytest.raises(ValueError, match="the observation lacks the parts observation@2; it has the parts"):
        module({name: part for name, part in seen_by(observations).items() if name != "observation@2"})
    with pytest.raises(ValueError, match="this network is not divided into stages"):
        build(MlpSpec(head=HeadSpec(dueling=True)), VECTORS).layer(0, None, None)


def seen_by(observations):
    return batch_of_one(observed_by_stages(observations))
