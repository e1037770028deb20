"""Initial weights scaled to what is observed."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from rtgraph.msgs.spaces import ArraySpec, Discrete, PlantSpec
from rtgraph.nodes.algorithms.dqn.params import DqnParams
from rtgraph.nodes.learner.updates.normalisation import normalise
from rtgraph.nodes.learner.updates.update import Updater
from rtgraph.nodes.networks import ImpalaSpec
from rtgraph.nodes.networks.build import build

PLANT = PlantSpec(
    rate_hz=60.0,
    observation=ArraySpec(dtype="uint8", shape=(84, 84), low=0, high=255),
    action=Discrete(count=3),
)
NARROW = ImpalaSpec(k=0.0625)


def frames(count=8):
    """Return bright frames with a dark square each, as of a falling piece."""
    rng, made = np.random.default_rng(0), np.full((count, 84, 84), 255, np.uint8)
    for frame, (top, left) in zip(made, rng.integers(70, size=(count, 2)), strict=True):
        frame[top : top + 12, left : left + 12] = 40
    return made


def features(module, observations):
    with torch.no_grad():
        return module.features(torch.from_numpy(observations))


def test_a_dead_network_sees_afterwards():
    observations, module = frames(), build(NARROW, PLANT, seed=0)
    assert not features(module, observations).std(0).any(), (
        "this network was dead, else the test proves nothing"
    )
    normalise(module, torch.from_numpy(observations))
    assert (features(module, observations).std(0) > 0.01).float().mean() > 0.9


def test_each_channel_has_mean_0_and_variance_1_and_the_head_is_as_it_was():
    observations = torch.from_numpy(frames())
    module, before = build(NARROW, PLANT, seed=1), build(NARROW, PLANT, seed=1)
    normalise(module, observations)
    seen = []
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda _, given, outputs: seen.append(outputs))
    with torch.no_grad():
        module(observations)
    assert len(seen) == 15
    for outputs in seen:
        assert outputs.mean((0, 2, 3)).abs().max() < 1e-3
        deviation = outputs.std((0, 2, 3))
        assert (deviation < 1.001).all()
        assert ((deviation > 0.999) | (deviation < 0.1)).all(), "a channel without variance stays without"
    assert all(
        torch.equal(one, other)
        for one, other in zip(module.head.parameters(), before.head.parameters(), strict=True)
    )


def test_an_updater_scales_its_target_network_too():
    class Samples:
        observations = next_observations = frames()
        actions = np.zeros(8, np.int64)
        returns = discounts = np.zeros(8, np.float32)
        weights = np.ones(8, np.float32)
        demonstrated = None

    made = Updater(NARROW, PLANT, DqnParams(), seed=0)
    before = made.weights.clone()
    made.normalise(Samples)
    assert not torch.equal(made.weights, before)
    assert torch.equal(made.weights, made.target_weights)
    assert made.version == 0
