"""Scales initial weights to data, so that the outputs of each convolution have mean 0 and variance 1.

With random weights a narrow network may be dead: all inputs of its ReLUs are negative. Then no observation changes the network's
outputs, and gradients are 0. On the bright pictures of the game Blocks, the narrowest IMPALA network (k = 1/16, one or two
channels) is dead with one seed of six, and nearly dead with others.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rtgraph.nodes.networks.network import Network, Observations

_LEAST_DEVIATION = 1e-3
"""The least number by which outputs are divided. A channel with a smaller standard deviation, such as a constant one, stays narrower."""


def normalise(module: Network, observations: Observations) -> None:
    """Scale the weights, and shift and scale the biases, of a network's convolutions in place (Salimans & Kingma, 2016, section 3).

    Afterwards each channel of a convolution's outputs has mean 0 and variance 1 over these observations. A nearly constant channel
    keeps a smaller variance. Other layers do not change.

    Args:
        module: The network.
        observations: A batch of observations, (batch, *observation).
    """
    convolutions = [each for each in module.modules() if isinstance(each, nn.Conv2d)]
    hooks = [each.register_forward_hook(_scale) for each in convolutions]
    try:
        with torch.no_grad():
            module(observations)
    finally:
        for hook in hooks:
            hook.remove()


def _scale(layer: nn.Module, _: tuple[Tensor, ...], outputs: Tensor) -> Tensor:
    """A forward hook: scale the weights of a convolution, and shift and scale its bias.

    Each channel of the outputs then has mean 0 and variance 1. A nearly constant channel keeps a smaller variance.
    Return the outputs that the new weights and the new bias give. The next layer reads these outputs.
    """
    mean, deviation = outputs.mean((0, 2, 3)), outputs.std((0, 2, 3)).clamp(min=_LEAST_DEVIATION)
    weight, bias = layer.get_parameter("weight"), layer.get_parameter("bias")
    weight.div_(deviation.reshape(-1, 1, 1, 1))
    bias.sub_(mean).div_(deviation)
    return (outputs - mean.reshape(-1, 1, 1)) / deviation.reshape(-1, 1, 1)
