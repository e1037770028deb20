import pytest
import torch

from rtgraph.nodes.networks import HeadSpec, ImpalaSpec, MlpSpec, NatureSpec, SupportSpec
from rtgraph.nodes.networks.build import build
from rtgraph.nodes.networks.flat import flatten, views
from rtgraph.nodes.networks.parameters import layout, size_bytes, write

RAINBOW = HeadSpec(dueling=True, noisy=True, support=SupportSpec(low=-1, high=1))
SPECS = [ImpalaSpec(k=0.6), ImpalaSpec(k=1 / 16, head=RAINBOW), NatureSpec(), MlpSpec(hidden=(7, 3))]


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_a_flat_module_is_the_same_module(plant, spec):
    module, before = build(spec, plant, seed=1), build(spec, plant, seed=1)
    slots = layout(module)
    vector = flatten(module)
    assert layout(module) == slots
    for name, parameter in module.named_parameters():
        assert torch.equal(parameter, before.get_parameter(name))
        assert parameter.untyped_storage().data_ptr() == vector.data_ptr()
        assert parameter.data_ptr() % 64 == 0
        assert parameter.requires_grad
    frames = torch.randint(0, 256, (1, 84, 84), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(module(frames), before(frames))


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_the_bytes_are_those_that_are_shared(plant, spec):
    module = build(spec, plant, seed=1)
    buffer = bytearray(size_bytes(layout(module)))
    write(module, memoryview(buffer))
    vector = flatten(module)
    assert vector.numpy().tobytes()[: len(buffer)] == bytes(buffer)


def test_what_is_done_to_the_vector_is_done_to_the_module(plant):
    module = build(MlpSpec(), plant)
    vector = flatten(module)
    slots = layout(module)
    vector.zero_()
    assert all(not parameter.any() for parameter in module.parameters())
    views(vector, slots)["head.actions.2.bias"].fill_(2)
    assert torch.equal(module(torch.zeros(1, 84, 84)), torch.full((1, 6), 2.0))


def test_what_is_no_float32_parameter_is_refused(plant):
    with pytest.raises(ValueError, match=r"'running_mean' is not a float32 parameter"):
        flatten(torch.nn.BatchNorm1d(3))
    with pytest.raises(ValueError, match="'weight' is not a float32 parameter"):
        flatten(torch.nn.Linear(2, 2).double())
    slots = layout(build(MlpSpec(), plant, device="meta"))
    with pytest.raises(ValueError, match="a vector of 10 numbers is too short"):
        views(torch.zeros(10), slots)
