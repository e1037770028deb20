import mmap

import numpy as np
import pytest
import torch

from rtgraph.msgs import ArraySpec
from rtgraph.nodes.networks import HeadSpec, ImpalaSpec, MlpSpec
from rtgraph.nodes.networks.build import build
from rtgraph.nodes.networks.noisy import NoisyLinear, draw
from rtgraph.nodes.networks.parameters import bind, layout, size_bytes, write

NOISY = MlpSpec(hidden=(8,), head=HeadSpec(noisy=True))


@pytest.fixture
def vectors(plant):
    return plant.model_copy(update={"observation": ArraySpec(dtype="float32", shape=(5,))})


@pytest.fixture
def inputs():
    return torch.randn(4, 5, generator=torch.Generator().manual_seed(0))


def test_outputs_are_those_of_noisy_weights(vectors, inputs):
    layer = build(NOISY, vectors, seed=3).head.noisy[0]
    draw([layer], np.random.default_rng(1))
    drawn = np.random.default_rng(1).standard_normal(5 + 8, dtype=np.float32)
    scaled = torch.from_numpy(np.sign(drawn) * np.sqrt(np.abs(drawn)))
    before, after = scaled[:5], scaled[5:]
    weight = layer.weight + layer.weight_noise * torch.outer(after, before)
    bias = layer.bias + layer.bias_noise * after
    torch.testing.assert_close(layer(inputs), inputs @ weight.T + bias)


def test_layers_have_noise_of_their_own_and_the_first_draw_is_not_the_second(vectors, inputs):
    module = build(NOISY, vectors)
    rng = np.random.default_rng(0)
    seen = []
    for _ in range(3):
        module.draw_noise(rng)
        seen.append(module(inputs))
    assert not torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[1], seen[2])
    (one, _), (other, _) = (layer.noise for layer in module.head.noisy)
    assert not torch.equal(one[:5], other[:5])


def test_the_same_generator_gives_the_same_bits(vectors, inputs):
    one, other = build(NOISY, vectors), build(NOISY, vectors)
    one.draw_noise(np.random.default_rng(7))
    other.draw_noise(np.random.default_rng(7))
    assert torch.equal(one(inputs), other(inputs))


def test_without_noise_the_means_are_used(vectors, inputs):
    module = build(NOISY, vectors)
    first, _, last = module.head.actions
    plain = ((inputs @ first.weight.T + first.bias).relu() @ last.weight.T + last.bias).detach()
    torch.testing.assert_close(module(inputs).detach(), plain)
    module.draw_noise(np.random.default_rng(0))
    assert not torch.allclose(module(inputs), plain)
    module.drop_noise()
    torch.testing.assert_close(module(inputs).detach(), plain)


def test_noise_has_the_size_of_the_paper(vectors):
    layer = build(NOISY, vectors).head.noisy[0]
    assert torch.equal(layer.weight_noise, torch.full((8, 5), 0.5 / 5**0.5))
    assert torch.equal(layer.bias_noise, torch.full((8,), 0.5 / 5**0.5))
    wide = NoisyLinear(400, 400)
    draw([wide], np.random.default_rng(0))
    before, after = wide.noise
    # f(x)² = |x|, with the mean √(2/π).
    for noise in (before, after):
        assert float((noise**2).mean()) == pytest.approx((2 / np.pi) ** 0.5, abs=0.1)
        assert float(noise.mean()) == pytest.approx(0, abs=0.15)


def test_gradients_reach_means_and_sizes(vectors, inputs):
    module = build(NOISY, vectors)
    module.draw_noise(np.random.default_rng(0))
    module(inputs).square().sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in module.parameters())


def test_a_plain_network_draws_nothing(vectors, inputs):
    module = build(MlpSpec(), vectors)
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    module.draw_noise(rng)
    assert rng.bit_generator.state == before


def test_noise_is_not_among_the_shared_weights(plant):
    """Processes must not write to shared weights, and each process needs different noise."""
    spec = ImpalaSpec(k=1 / 16, head=HeadSpec(noisy=True))
    module, twin = build(spec, plant, seed=1), build(spec, plant, device="meta")
    module.draw_noise(np.random.default_rng(0))
    assert layout(module) == layout(twin)
    memory = memoryview(mmap.mmap(-1, size_bytes(layout(module))))
    write(module, memory)
    bind(twin, memory.toreadonly())
    frames = torch.zeros(1, 84, 84, dtype=torch.uint8)
    with torch.inference_mode():
        twin.draw_noise(np.random.default_rng(0))
        assert torch.equal(twin(frames), module(frames))
