"""Builds a torch module with weights from a network's specification."""

from __future__ import annotations

import math
from typing import assert_never

import torch
from torch import Tensor, nn

from rtgraph.msgs.pending import without_pending
from rtgraph.msgs.spaces import (
    ActionSpec,
    ArraySpec,
    Continuous,
    Discrete,
    MultiDiscrete,
    PartsSpec,
    PlantSpec,
)
from rtgraph.nodes.networks.fit import check_fit
from rtgraph.nodes.networks.impala import Impala
from rtgraph.nodes.networks.joined import Joined
from rtgraph.nodes.networks.mlp import Mlp, Pipelined
from rtgraph.nodes.networks.nature import Nature
from rtgraph.nodes.networks.network import LearnedNumber, Network
from rtgraph.nodes.networks.noisy import NoisyLinear
from rtgraph.nodes.networks.parameters import allocate
from rtgraph.nodes.networks.pending import WithPending, WithPrediction
from rtgraph.nodes.networks.spec import ImpalaSpec, MlpSpec, NatureSpec, NetworkSpec


def build(
    spec: NetworkSpec,
    plant: PlantSpec,
    outputs: int | None = None,
    *,
    device: torch.device | str | None = None,
    seed: int = 0,
) -> Network:
    """Build the network for an environment, with weights from a seed. No global random generator is used.

    Args:
        spec: The kind of network and its size.
        plant: The spec of observations and actions. The observations define the network's input.
        outputs: Number of outputs; by default one per discrete action (``size * count`` if an action consists of ``size`` choices,
            each from ``count`` options), or one per element of a continuous action.
        device: By default torch's current one. On ``"meta"`` the module has shapes but no weights, and takes
            no memory; `parameters.bind` gives it weights.
        seed: The seed of the initial weights.

    Raises:
        ValueError: The network cannot read the environment's observations, or the network's head needs actions that are one
            discrete choice.
    """
    check_fit(spec, plant)
    device = torch.device(device) if device is not None else torch.get_default_device()
    with torch.device("meta"):
        observation, pending = without_pending(plant.observation)
        module = _assemble(spec, observation, _outputs(plant.action) if outputs is None else outputs)
        if pending is not None:
            wrapper = WithPrediction if spec.predict else WithPending
            module = wrapper(module, pending, single=isinstance(observation, ArraySpec))
    if device.type != "meta":
        allocate(module, device)
        initialise(module, seed)
    return module


def initialise(module: nn.Module, seed: int) -> None:
    """Draw new values for all weights and biases. The same seed gives the same bits on any device.

    In linear, convolutional and noisy layers, the values are uniform in ±1/√fan_in. This is torch's default for linear and
    convolutional layers (Kaiming-uniform with a = √5). In noisy layers, the scale of the noise becomes 0.5/√fan_in. A
    `LearnedNumber` gets its initial value.

    Raises:
        TypeError: A layer with parameters is neither linear, convolutional nor noisy, and is not a `LearnedNumber`.
        ValueError: The module is on the meta device, where weights have no memory.
    """
    generator = torch.Generator(device="cpu").manual_seed(seed)
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            bound = 1 / math.sqrt(layer.weight[0].numel())
            _fill(layer.weight, bound, generator)
            if layer.bias is not None:
                _fill(layer.bias, bound, generator)
        elif isinstance(layer, NoisyLinear):
            for mean in (layer.weight, layer.bias):
                _fill(mean, 1 / math.sqrt(layer.weight.shape[1]), generator)
            for noise in (layer.weight_noise, layer.bias_noise):
                nn.init.constant_(noise, layer.initial_noise)
        elif isinstance(layer, LearnedNumber):
            nn.init.constant_(layer.value, layer.initial)
        elif any(True for _ in layer.parameters(recurse=False)):
            raise TypeError(
                f"layer {name!r} of type {type(layer).__name__} has parameters, and `initialise` has no rule for this type"
            )


def _fill(parameter: Tensor, bound: float, generator: torch.Generator) -> None:
    if parameter.is_meta:
        raise ValueError("a module on the meta device has no weights. hint: bind it to a buffer first")
    # Drawn contiguous and on the CPU, so that neither memory format nor device changes the order.
    values = torch.empty(parameter.shape, dtype=parameter.dtype, device="cpu")
    values.uniform_(-bound, bound, generator=generator)
    with torch.no_grad():
        parameter.copy_(values)


def _assemble(spec: NetworkSpec, observation: ArraySpec | PartsSpec, outputs: int) -> Network:
    if isinstance(spec, MlpSpec) and spec.stages:
        return Pipelined(spec, observation, outputs)
    if isinstance(observation, PartsSpec):
        return Joined(spec, observation.parts, outputs)
    match spec:
        case ImpalaSpec():
            return Impala(spec, observation.shape, outputs)
        case NatureSpec():
            return Nature(spec, observation.shape, outputs)
        case MlpSpec():
            return Mlp(spec, observation.shape, outputs)
        case _:
            assert_never(spec)


def _outputs(action: ActionSpec) -> int:
    match action:
        case Discrete():
            return action.count
        case MultiDiscrete():
            return action.size * action.count
        case Continuous():
            return action.size
        case _:
            assert_never(action)
