import pytest
import torch
from support.weights import count_parameters
from torch.nn import functional

from rtgraph.msgs.spaces import Discrete
from rtgraph.nodes.networks import ImpalaSpec
from rtgraph.nodes.networks.build import build

# Riemer et al. (2025): depth, k, parameters for 6 and for 18 actions, multiply-adds for 6.
MODELS = [
    (1, 1 / 16, 54_178, 60_334, "0.26M"),
    (1, 0.25, 210_478, 216_634, "2.79M"),
    (1, 1, 903_718, 909_874, "39.3M"),
    (1, 7, 10_368_742, 10_374_898, "1.85G"),
    (1, 29, 104_682_918, 104_689_074, "31.6G"),
    (1, 98, 1_008_092_742, 1_008_098_898, "360G"),
    (2, 0.0625, 70_108, 76_264, "0.79M"),
    (2, 0.75, 922_982, 929_138, "96.9M"),
    (2, 4.75, 10_291_558, 10_297_714, "3.84G"),
    (2, 18.5, 99_852_678, 99_858_834, "58.1G"),
    (2, 63, 998_875_142, 998_881_298, "673G"),
]


def multiply_adds(module, frames):
    """Return the multiply-adds of the linear and convolutional layers in one forward pass."""
    total = 0

    def count(layer, _inputs, output):
        nonlocal total
        total += output.numel() * layer.weight[0].numel()

    for layer in module.modules():
        if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d):
            layer.register_forward_hook(count)
    module(frames)
    return total


def rounded(count, like):
    """Return a count with the unit and the decimals of ``like``."""
    unit = {"M": 1e6, "G": 1e9}[like[-1]]
    decimals = len(like[:-1].partition(".")[2])
    return f"{count / unit:.{decimals}f}{like[-1]}"


@pytest.mark.parametrize(("depth", "k", "six", "eighteen", "_"), MODELS)
def test_parameters_are_those_published(plant, depth, k, six, eighteen, _):
    spec = ImpalaSpec(depth=depth, k=k)
    assert count_parameters(spec, plant) == six
    assert count_parameters(spec, plant.model_copy(update={"action": Discrete(count=18)})) == eighteen


@pytest.mark.parametrize(("depth", "k", "_six", "_eighteen", "expected"), MODELS)
def test_multiply_adds_are_those_published(plant, depth, k, _six, _eighteen, expected):
    module = build(ImpalaSpec(depth=depth, k=k), plant, device="meta")
    frames = torch.empty(1, 84, 84, dtype=torch.uint8, device="meta")
    assert rounded(multiply_adds(module, frames), expected) == expected


@pytest.mark.parametrize(("depth", "sides"), [(1, [40, 18, 7]), (2, [40, 36, 32, 28, 12, 8])])
def test_sides_after_each_sequence(plant, depth, sides):
    module = build(ImpalaSpec(depth=depth), plant, device="meta")
    seen = []
    for sequence in module.sequences:
        sequence.register_forward_hook(lambda _layer, _inputs, planes: seen.append(tuple(planes.shape[2:])))
    outputs = module(torch.empty(3, 84, 84, dtype=torch.uint8, device="meta"))
    assert seen == [(side, side) for side in sides]
    assert outputs.shape == (3, 6)


@pytest.mark.parametrize(("depth", "convolutions"), [(1, 15), (2, 30)])
def test_number_of_convolutions(plant, depth, convolutions):
    module = build(ImpalaSpec(depth=depth), plant, device="meta")
    assert sum(isinstance(layer, torch.nn.Conv2d) for layer in module.modules()) == convolutions


@pytest.mark.parametrize("k", [1 / 16, 1])
@pytest.mark.parametrize(("depth", "strides"), [(1, [2, 2, 2]), (2, [2, 1, 1, 1, 2, 1])])
def test_outputs_are_those_of_the_formula(plant, depth, strides, k):
    module = build(ImpalaSpec(depth=depth, k=k), plant)
    weights = iter(module.state_dict().values())
    frames = torch.randint(0, 256, (2, 84, 84), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))

    def convolve(planes, padding):
        return functional.conv2d(planes, next(weights), next(weights), padding=padding)

    planes = frames[:, None] / 255
    for stride in strides:
        planes = functional.max_pool2d(convolve(planes, 0), 3, stride)
        for _ in range(2):
            planes = planes + convolve(convolve(planes.relu(), 1).relu(), 1)
    features = functional.linear(planes.relu().flatten(1), next(weights), next(weights)).relu()
    expected = functional.linear(features, next(weights), next(weights))
    assert next(weights, None) is None
    torch.testing.assert_close(module(frames), expected)


@pytest.mark.parametrize(("depth", "smallest"), [(1, 29), (2, 53)])
def test_a_frame_that_is_too_small_is_refused(plant, depth, smallest):
    def sized(height, width):
        frame = plant.observation.model_copy(update={"shape": (height, width)})
        return plant.model_copy(update={"observation": frame})

    spec = ImpalaSpec(depth=depth)
    assert count_parameters(spec, sized(smallest, smallest)) > 0
    with pytest.raises(ValueError, match=f"{smallest - 1}x84 is too small.*at least {smallest}x{smallest}"):
        build(spec, sized(smallest - 1, 84))
    with pytest.raises(ValueError, match="too small"):
        build(spec, sized(84, smallest - 1))
