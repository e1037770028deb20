"""Fully connected networks, for observations that are not pictures. They run as a whole, or in stages on successive ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from rtgraph.msgs.pending import OBSERVATION, name_at, without_later
from rtgraph.msgs.spaces import ArraySpec, PartsSpec
from rtgraph.nodes.networks.head import Head
from rtgraph.nodes.networks.network import Network, Observations, only
from rtgraph.nodes.networks.pending import TRUNK
from rtgraph.nodes.networks.spec import MlpSpec


class Mlp(Network):
    """Linear layers with ReLU between them.

    Args:
        spec: The sizes of the hidden layers, and the head.
        observation: The shape of one observation. It may have any number of axes, which are flattened.
        outputs: The number of outputs.
    """

    def __init__(self, spec: MlpSpec, observation: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.observation = tuple(observation)
        """The shape of one observation."""
        self.one_hot = spec.one_hot
        """Number of classes, if each number of an observation is an integer that is encoded as a one-hot vector; None for no encoding."""
        sizes = (math.prod(observation) * (spec.one_hot or 1), *spec.hidden)
        *before, inputs = sizes[:-1] or sizes
        self.layers = linear_layers((*before, inputs))
        # The last hidden layer belongs to the head, as in the convolutional networks.
        self.head = Head(spec.head, inputs, spec.hidden[-1] if spec.hidden else None, outputs)

    def features(self, observations: Observations) -> Tensor:
        """Compute all layers except the head, (batch, features). Observations may have any dtype, and are not scaled.

        Raises:
            ValueError: The observations have another shape than the network was built for.
        """
        observations = only(observations)
        if tuple(observations.shape[1:]) != self.observation:
            raise ValueError(
                f"expected observations of shape (batch, *{self.observation}), got {tuple(observations.shape)}"
            )
        inputs = observations.reshape(len(observations), -1)
        if self.one_hot is not None:
            inputs = functional.one_hot(inputs.to(torch.int64), self.one_hot).flatten(1)
        features: Tensor = self.layers(inputs.to(torch.float32))
        return features


class Pipelined(Network):
    """A network in stages. Each stage is a hidden layer with ReLU, and the last stage also computes the outputs.

    Stage 0 reads an observation. Each later stage reads the features of the stage before it and, with ``skip``, a newer
    observation. A batch holds the observations of all stages: the parts (arrays) of the first observation by ``name``, and the
    parts of stage i by ``name@i`` (see ``rtgraph.msgs.pending``). So the results are the same, whether the stages run one by one
    (`layer`) or all at once. Source: Anokin et al., "Handling Delay in Real-Time Reinforcement Learning", ICLR 2025.

    Bytes of pictures are scaled to [0, 1]; other numbers are not scaled.

    Args:
        spec: The number of stages, and the head. The last number in ``hidden`` is the size of every stage.
        observation: The spec of the observations of all stages together.
        outputs: The number of outputs.
    """

    def __init__(self, spec: MlpSpec, observation: ArraySpec | PartsSpec, outputs: int) -> None:
        super().__init__()
        first = without_later(observation, spec.later)
        self.parts = first.parts if isinstance(first, PartsSpec) else {OBSERVATION: first}
        """The specs of the arrays of one observation, by name."""
        self.one_hot, self.stages, self.skip = spec.one_hot, spec.stages, spec.skip
        seen = sum(math.prod(part.shape) for part in self.parts.values()) * (spec.one_hot or 1)
        width = spec.hidden[-1]
        inputs = [seen, *[width + (seen if spec.skip else 0)] * (spec.stages - 1)]
        self.layers = nn.ModuleList(nn.Linear(size, width) for size in inputs[:-1])
        self.head = Head(spec.head, inputs[-1], width, outputs)

    def layer(self, stage: int, features: Tensor | None, observations: Observations | None) -> Tensor:
        """Compute the features that a stage passes on to the next stage, (batch, features).

        Args:
            stage: The number of the stage, from 0. It must not be the last one.
            features: The features from the stage before; None in stage 0.
            observations: What this stage observes, as arrays by ``name`` in stage 0, and by ``name@stage`` in later stages; None
                if it observes nothing.

        Raises:
            ValueError: The observations have other parts or shapes than the network was built for.
        """
        computed: Tensor = self.layers[stage](self._inputs(stage, features, observations))
        return functional.relu(computed)

    def features(self, observations: Observations) -> Tensor:
        """Compute the input of the last stage, (batch, features), from the observations of all stages.

        ``observations`` may hold the features of the stage before the last, by the name ``TRUNK``. Then only the observation of the
        last stage is read.
        """
        last = self.stages - 1
        features: Tensor | None = None
        if isinstance(observations, dict) and TRUNK in observations:
            features = observations[TRUNK]
        else:
            for stage in range(last):
                features = self.layer(stage, features, observations if self._observes(stage) else None)
        return self._inputs(last, features, observations if self._observes(last) else None)

    def _observes(self, stage: int) -> bool:
        return self.skip or not stage

    def _inputs(self, stage: int, features: Tensor | None, observations: Observations | None) -> Tensor:
        """Flatten features and an observation, and join them to a float32 vector, (batch, inputs)."""
        joined = [] if features is None else [features]
        if observations is not None:
            joined += [self._flat(name, part) for name, part in self._at(stage, observations).items()]
        return torch.cat(joined, dim=1) if len(joined) > 1 else joined[0]

    def _at(self, stage: int, observations: Observations) -> dict[str, Tensor]:
        """Return what a stage observes: a dict of arrays by the name of the part, in the order of names."""
        named = observations if isinstance(observations, dict) else {OBSERVATION: observations}
        found = {name: named.get(name_at(name, stage)) for name in sorted(self.parts)}
        if missing := [name_at(name, stage) for name, part in found.items() if part is None]:
            raise ValueError(
                f"the observation lacks the parts {', '.join(missing)}; it has the parts {', '.join(named)}"
            )
        return {name: part for name, part in found.items() if part is not None}

    def _flat(self, name: str, values: Tensor) -> Tensor:
        part = self.parts[name]
        if tuple(values.shape[1:]) != part.shape:
            raise ValueError(f"expected {name} of shape (batch, *{part.shape}), got {tuple(values.shape)}")
        flat = values.reshape(len(values), -1)
        if self.one_hot is not None:
            return functional.one_hot(flat.to(torch.int64), self.one_hot).flatten(1).to(torch.float32)
        numbers = flat.to(torch.float32)
        return numbers / 255 if part.is_picture else numbers


def linear_layers(sizes: Sequence[int]) -> nn.Sequential:
    """Return linear layers with the given sizes, from the input to the last layer, with a ReLU after each layer."""
    layers: list[nn.Module] = []
    for first, second in pairwise(sizes):
        layers += [nn.Linear(first, second), nn.ReLU()]
    return nn.Sequential(*layers)
