import mmap

import numpy as np
import pytest
import torch

from rtgraph.nodes.networks import ImpalaSpec, MlpSpec, NatureSpec
from rtgraph.nodes.networks.build import build
from rtgraph.nodes.networks.parameters import bind, layout, size_bytes, write

SPECS = [ImpalaSpec(k=1 / 16), ImpalaSpec(k=1), ImpalaSpec(depth=2, k=0.75), NatureSpec(), MlpSpec()]


@pytest.fixture
def frames():
    return torch.randint(0, 256, (1, 84, 84), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def memory(module):
    """Return shared memory for a module's weights, mapped as processes map it."""
    return memoryview(mmap.mmap(-1, size_bytes(layout(module))))


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_slots_are_aligned_and_apart(plant, spec):
    module = build(spec, plant)
    slots = layout(module)
    end = 0
    for slot, (name, tensor) in zip(slots, module.state_dict().items(), strict=True):
        assert (slot.name, slot.shape, slot.dtype) == (name, tuple(tensor.shape), tensor.dtype)
        assert slot.offset_bytes % 64 == 0
        assert end <= slot.offset_bytes < end + 64
        end = slot.offset_bytes + tensor.nbytes
    assert size_bytes(slots) == end


@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_the_layout_is_the_same_without_weights(plant, spec):
    assert layout(build(spec, plant, device="meta")) == layout(build(spec, plant))


@pytest.mark.parametrize("readonly", [False, True])
@pytest.mark.parametrize("spec", SPECS, ids=repr)
def test_a_bound_module_computes_the_same_bits(plant, frames, spec, readonly):
    module, twin = build(spec, plant, seed=5), build(spec, plant, device="meta")
    buffer = memory(module)
    write(module, buffer)
    bind(twin, buffer.toreadonly() if readonly else buffer)
    with torch.inference_mode():
        assert torch.equal(twin(frames), module(frames))


@pytest.mark.parametrize("readonly", [False, True])
def test_what_is_written_next_is_seen(plant, frames, readonly):
    spec = ImpalaSpec()
    first, second = build(spec, plant, seed=1), build(spec, plant, seed=2)
    twin = build(spec, plant, device="meta")
    buffer = memory(first)
    write(first, buffer)
    bind(twin, buffer.toreadonly() if readonly else buffer)
    write(second, buffer)
    with torch.inference_mode():
        assert torch.equal(twin(frames), second(frames))
        assert not torch.equal(twin(frames), first(frames))


def test_every_parameter_stands_in_the_buffer(plant):
    module = build(ImpalaSpec(), plant, device="meta")
    buffer = np.frombuffer(memory(module), dtype=np.uint8)
    bind(module, buffer)
    for slot in layout(module):
        tensor = module.get_parameter(slot.name)
        assert tensor.data_ptr() == buffer.ctypes.data + slot.offset_bytes
        assert tensor.stride() == slot.stride


def test_a_writable_buffer_can_be_trained_in_place(plant, frames):
    module = build(MlpSpec(), plant, seed=1)
    buffer = memory(module)
    write(module, buffer)
    bind(module, buffer)
    before = bytes(buffer)
    module(frames).sum().backward()
    torch.optim.SGD(module.parameters(), lr=0.1).step()
    assert bytes(buffer) != before


def test_a_read_only_buffer_is_not_trained(plant, frames):
    module = build(MlpSpec(), plant)
    buffer = memory(module)
    write(module, buffer)
    bind(module, buffer.toreadonly())
    assert not any(parameter.requires_grad for parameter in module.parameters())
    assert not module(frames).requires_grad


def test_memory_is_not_closed_under_a_bound_module(plant):
    module = build(MlpSpec(), plant, device="meta")
    mapping = mmap.mmap(-1, size_bytes(layout(module)))
    with memoryview(mapping) as view, view.toreadonly() as readonly:
        bind(module, np.frombuffer(readonly, dtype=np.uint8))
        del view, readonly
    with pytest.raises(BufferError):
        mapping.close()
    del module
    mapping.close()


def test_persistent_buffers_belong_to_the_weights():
    module, twin = torch.nn.BatchNorm1d(3), torch.nn.BatchNorm1d(3, device="meta")
    module(torch.arange(6.0).reshape(2, 3))
    buffer = memory(module)
    write(module, buffer)
    bind(twin, buffer)
    assert torch.equal(twin.running_mean, module.running_mean)
    assert twin.num_batches_tracked == 1


def test_state_that_is_not_persistent_is_refused():
    with torch.device("meta"):
        module = torch.nn.Linear(2, 2)
        module.register_buffer("noise", torch.zeros(2), persistent=False)
    with pytest.raises(ValueError, match="'noise' is not persistent"):
        bind(module, memory(module))


@pytest.mark.parametrize("use", [write, bind])
def test_a_buffer_that_is_too_small_is_refused(plant, use):
    module = build(MlpSpec(), plant)
    needed = size_bytes(layout(module))
    with pytest.raises(ValueError, match=f"{needed - 1} bytes is too small for {needed} bytes of weights"):
        use(module, np.zeros(needed - 1, dtype=np.uint8))


def test_a_buffer_that_is_too_small_leaves_the_module_as_it_was(plant):
    module = build(MlpSpec(), plant)
    with pytest.raises(ValueError, match="too small"):
        bind(module, memoryview(b"short"))
    assert all(parameter.requires_grad for parameter in module.parameters())


def test_a_read_only_buffer_is_not_written(plant):
    module = build(MlpSpec(), plant)
    with pytest.raises(ValueError, match="read-only"):
        write(module, memory(module).toreadonly())


def test_a_module_without_state_needs_no_bytes():
    assert size_bytes(layout(torch.nn.ReLU())) == 0
