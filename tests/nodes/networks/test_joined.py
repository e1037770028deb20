import pytest
import torch
from support.weights import count_parameters

from rtgraph.msgs.spaces import ArraySpec, PartsSpec
from rtgraph.nodes.networks import ImpalaSpec, MlpSpec, NatureSpec
from rtgraph.nodes.networks.build import build, initialise
from rtgraph.nodes.networks.fit import check_fit
from rtgraph.nodes.networks.joined import VECTOR

WRIST = ArraySpec(dtype="uint8", shape=(36, 40, 3))
GREY = ArraySpec(dtype="uint8", shape=(84, 84))
JOINTS = ArraySpec(dtype="float32", shape=(6,))
TOUCH = ArraySpec(dtype="int64", shape=())
DEPTH = ArraySpec(dtype="float32", shape=(2, 3))
ACTIONS = 6


def of(plant, **parts):
    return plant.model_copy(update={"observation": PartsSpec(parts=parts)})


def batch(plant, size=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        name: (torch.rand((size, *part.shape), generator=generator) * 250).to(getattr(torch, part.dtype))
        for name, part in plant.parts.items()
    }


def vector_parameters(size):
    first, second = VECTOR
    return size * first + first + first * second + second


@pytest.mark.parametrize("spec", [ImpalaSpec(k=1 / 16), NatureSpec(), MlpSpec()], ids=repr)
def test_values_depend_on_every_part(plant, spec):
    several = of(plant, grey=GREY, joints=JOINTS, touch=TOUCH, depth=DEPTH)
    module = build(spec, several, seed=1)
    observations = batch(several)
    values = module(observations)
    assert values.shape == (2, ACTIONS)
    for name, part in observations.items():
        other = module(observations | {name: (part + 100).to(part.dtype)})
        assert not torch.equal(other, values), name


def test_the_order_of_parts_does_not_matter(plant):
    one, other = of(plant, grey=GREY, joints=JOINTS), of(plant, joints=JOINTS, grey=GREY)
    observations = batch(one)
    assert torch.equal(build(NatureSpec(), one)(observations), build(NatureSpec(), other)(observations))


@pytest.mark.parametrize("spec", [ImpalaSpec(k=1 / 4), NatureSpec()], ids=repr)
def test_each_picture_has_a_convolution_and_each_vector_its_layers(plant, spec):
    first = count_parameters(spec, of(plant, a=GREY))
    both = count_parameters(spec, of(plant, a=GREY, b=GREY))
    vector = count_parameters(spec, of(plant, a=GREY, joints=JOINTS))
    hidden = 512
    assert vector - first == vector_parameters(6) + VECTOR[-1] * hidden
    alone = count_parameters(spec, plant.model_copy(update={"observation": GREY}))
    assert first == alone
    assert both - first == first - (hidden + hidden * ACTIONS + ACTIONS)


def test_k_scales_the_convolution_and_not_the_layers_of_vectors(plant):
    def of_vector(k):
        spec = ImpalaSpec(k=k)
        with_vector = count_parameters(spec, of(plant, grey=GREY, joints=JOINTS))
        return with_vector - count_parameters(spec, of(plant, grey=GREY))

    assert of_vector(1 / 4) == of_vector(1)
    small, large = (
        count_parameters(ImpalaSpec(k=k), of(plant, grey=GREY, joints=JOINTS)) for k in (1 / 4, 1)
    )
    assert large > 2 * small


def test_an_mlp_joins_all_parts_flattened_and_scales_bytes_of_pictures(plant):
    several = of(plant, joints=JOINTS, grey=ArraySpec(dtype="uint8", shape=(2, 2)))
    module = build(MlpSpec(hidden=(5,)), several)
    observations = batch(several)
    first, _, last = module.head.actions
    joined = torch.cat([observations["grey"].flatten(1) / 255, observations["joints"]], dim=1)
    torch.testing.assert_close(module(observations), last(first(joined).relu()))
    hidden = build(MlpSpec(hidden=(7, 5)), several)
    assert [layer.out_features for layer in hidden.layers if hasattr(layer, "out_features")] == [7]


def test_a_colour_picture_has_its_channels_last(plant):
    last = of(plant, wrist=WRIST)
    module = build(NatureSpec(), last)
    first = build(NatureSpec(), of(plant, wrist=ArraySpec(dtype="uint8", shape=(3, 36, 40))))
    first.load_state_dict(module.state_dict())
    observations = batch(last)
    permuted = {"wrist": observations["wrist"].permute(0, 3, 1, 2)}
    torch.testing.assert_close(module(observations), first(permuted))


def test_the_same_seed_gives_the_same_weights(plant):
    several = of(plant, grey=GREY, joints=JOINTS)
    one, other = build(ImpalaSpec(k=1 / 16), several, seed=3), build(ImpalaSpec(k=1 / 16), several, seed=4)
    initialise(other, 3)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize(
    ("spec", "parts", "says"),
    [
        (
            NatureSpec(),
            {"joints": JOINTS},
            "no part of the observation is a picture: joints. hint: use kind: mlp",
        ),
        (
            NatureSpec(),
            {"wrist": ArraySpec(dtype="uint8", shape=(9, 9))},
            "part 'wrist' of the observation: a frame of 9x9 is too small",
        ),
        (MlpSpec(one_hot=3), {"joints": JOINTS}, "one_hot is only for observations of one array"),
    ],
)
def test_a_network_that_cannot_read_the_parts_is_refused(plant, spec, parts, says):
    with pytest.raises(ValueError, match=says):
        check_fit(spec, of(plant, **parts))


@pytest.mark.parametrize(
    "change", [{"joints": torch.zeros(2, 5)}, {"more": torch.zeros(2, 1)}], ids=["shape", "names"]
)
def test_other_observations_than_it_was_built_for_are_refused(plant, change):
    several = of(plant, grey=GREY, joints=JOINTS)
    module = build(MlpSpec(), several)
    with pytest.raises(ValueError, match="expected"):
        module(batch(several) | change)
    with pytest.raises(ValueError, match="expected an observation with the parts grey, joints, got joints"):
        module({"joints": torch.zeros(2, 6)})
    with pytest.raises(
        ValueError, match="expected an observation with the parts grey, joints, got one array"
    ):
        module(torch.zeros(2, 6))
    with pytest.raises(ValueError, match="expected observations of one array"):
        build(MlpSpec(), plant)(batch(several))
