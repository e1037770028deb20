import pytest
import torch
from support.weights import count_parameters

from rtgraph.msgs.spaces import ArraySpec, Continuous, Discrete, MultiDiscrete
from rtgraph.nodes.networks import ImpalaSpec, MlpSpec, NatureSpec
from rtgraph.nodes.networks.build import build, initialise
from rtgraph.nodes.networks.spec import HeadSpec, SupportSpec

SPECS = [ImpalaSpec(), ImpalaSpec(depth=2, k=1 / 16), NatureSpec(), MlpSpec()]


def observing(plant, shape, dtype="uint8"):
    return plant.model_copy(update={"observation": ArraySpec(dtype=dtype, shape=shape)})


def equal(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_one_row_of_outputs_per_frame(plant, spec):
    module = build(spec, plant)
    outputs = module(torch.zeros(2, 84, 84, dtype=torch.uint8))
    assert outputs.shape == (2, 6)
    assert outputs.dtype == torch.float32


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_stacked_frames(plant, spec):
    module = build(spec, observing(plant, (4, 84, 96)))
    assert module(torch.zeros(2, 4, 84, 96, dtype=torch.uint8)).shape == (2, 6)


@pytest.mark.parametrize("spec", [ImpalaSpec(k=0.25), NatureSpec()], ids=repr)
def test_bytes_are_scaled_and_floats_are_not(plant, spec):
    module = build(spec, plant)
    frames = torch.randint(0, 256, (2, 84, 84), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(module(frames), module(frames / 255))
    assert torch.equal(module(frames), module(frames.unsqueeze(1)))
    assert not torch.allclose(module(frames), module(frames.float()))


def test_nature_has_the_published_size(plant):
    stacked = observing(plant, (4, 84, 84))
    convolutions = 4 * 32 * 64 + 32 + 32 * 64 * 16 + 64 + 64 * 64 * 9 + 64
    assert count_parameters(NatureSpec(), stacked) == convolutions + 7 * 7 * 64 * 512 + 512 + 512 * 6 + 6


def test_nature_refuses_a_frame_that_is_too_small(plant):
    assert count_parameters(NatureSpec(), observing(plant, (36, 36))) > 0
    with pytest.raises(ValueError, match="at least 36x36"):
        build(NatureSpec(), observing(plant, (36, 35)))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float64"])
def test_mlp_takes_any_shape_and_type(plant, dtype):
    module = build(MlpSpec(hidden=(8,)), observing(plant, (2, 3), dtype))
    observations = torch.ones(5, 2, 3, dtype=getattr(torch, dtype))
    first, _, last = module.head.actions
    torch.testing.assert_close(module(observations), last(first(torch.ones(5, 6)).relu()))


def test_mlp_takes_a_scalar_and_needs_no_hidden_layer(plant):
    module = build(MlpSpec(hidden=()), observing(plant, ()))
    assert module(torch.zeros(5)).shape == (5, 6)
    assert count_parameters(MlpSpec(hidden=()), observing(plant, ())) == 12


def test_mlp_refuses_observations_of_another_shape(plant):
    with pytest.raises(ValueError, match="expected observations of shape"):
        build(MlpSpec(), observing(plant, (3, 2)))(torch.zeros(5, 2, 3))


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        (ImpalaSpec(), r"hint: use kind: mlp for vectors \(network=mlp\)"),
        (NatureSpec(), "hint: use kind: mlp"),
        (
            ImpalaSpec(head=HeadSpec(support=SupportSpec(low=-1, high=1, atoms=3))),
            "hint: with atoms, as in Rainbow, give observation=grey84",
        ),
    ],
    ids=repr,
)
def test_a_vector_is_no_frame(plant, spec, hint):
    with pytest.raises(ValueError, match=hint):
        build(spec, observing(plant, (8,)))


@pytest.mark.parametrize(
    ("action", "outputs"),
    [
        (Discrete(count=18), 18),
        (MultiDiscrete(size=3, count=5), 15),
        (Continuous(low=(-1.0, -1.0), high=(1.0, 1.0)), 2),
    ],
)
def test_the_action_gives_the_number_of_outputs(plant, action, outputs):
    acting = plant.model_copy(update={"action": action})
    observations = torch.zeros(1, 84, 84)
    assert build(MlpSpec(), acting)(observations).shape == (1, outputs)
    assert build(MlpSpec(), acting, 7)(observations).shape == (1, 7)
    assert count_parameters(MlpSpec(hidden=()), acting, 7) == 7 * 84 * 84 + 7


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_a_seed_gives_the_weights(plant, spec):
    one, same, other = build(spec, plant, seed=3), build(spec, plant, seed=3), build(spec, plant, seed=4)
    assert equal(one, same)
    assert not equal(one, other)
    initialise(other, 3)
    assert equal(one, other)


def test_the_weights_do_not_depend_on_the_memory_format(plant):
    one, other = build(ImpalaSpec(), plant, seed=3), build(ImpalaSpec(), plant, seed=4)
    other.to(memory_format=torch.contiguous_format)
    initialise(other, 3)
    assert equal(one, other)


def test_weights_are_uniform_within_the_bound(plant):
    weight = build(MlpSpec(hidden=(64,)), observing(plant, (100,))).head.actions[0].weight
    assert weight.abs().max() <= 0.1
    assert abs(float(weight.detach().std()) - 0.1 / 3**0.5) < 0.003


def test_global_randomness_is_neither_used_nor_changed(plant):
    before = torch.get_rng_state()
    one = build(ImpalaSpec(), plant)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(1)
    assert equal(one, build(ImpalaSpec(), plant))


def test_the_current_device_is_the_default(plant):
    with torch.device("meta"):
        module = build(NatureSpec(), plant)
    assert all(parameter.is_meta for parameter in module.parameters())


def test_a_module_without_weights_is_not_initialised(plant):
    with pytest.raises(ValueError, match="meta device"):
        initialise(build(MlpSpec(), plant, device="meta"), 0)


def test_a_layer_without_a_rule_is_not_initialised():
    with pytest.raises(
        TypeError, match="layer '1' of type LayerNorm has parameters, and `initialise` has no rule"
    ):
        initialise(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.LayerNorm(2)), 0)
