"""The optimiser equals torch's Adam bit for bit, without the overhead of torch's class."""

import subprocess
import sys

import pytest
import torch
from support.launching import TESTS

from rtgraph.nodes.algorithms.dqn.params import DqnParams
from rtgraph.nodes.learner.updates.optimiser import Optimiser

STEPS = 20


@pytest.mark.parametrize("interrupted", [False, True])
def test_it_is_adam_to_the_bit(interrupted):
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(1000, generator=generator)
    gradients = torch.randn(STEPS, 1000, generator=generator)
    params = DqnParams(learning_rate=1e-2, adam_epsilon=1e-5)
    leaf = torch.nn.Parameter(weights.clone())
    adam = torch.optim.Adam([leaf], lr=1e-2, eps=1e-5, fused=True)
    ours = Optimiser(weights, params)
    for number, gradient in enumerate(gradients):
        if interrupted and number == STEPS // 2:
            before, ours = ours, Optimiser(weights, params)
            ours.first_moment.copy_(before.first_moment)
            ours.second_moment.copy_(before.second_moment)
            ours.steps = before.steps
        leaf.grad = gradient.clone()
        adam.step()
        ours.gradient.copy_(gradient)
        ours.step()
    assert ours.steps == STEPS
    assert torch.equal(weights, leaf.detach())


LEARN = """
import sys
import numpy as np
from support.batches import PIXELS, drawn
from rtgraph.nodes.algorithms.dqn.params import DqnParams
from rtgraph.nodes.learner.updates.update import Updater
from rtgraph.nodes.networks import ImpalaSpec
updater = Updater(ImpalaSpec(k=0.0625), PIXELS, DqnParams(), seed=0)
updater.step(drawn(np.random.default_rng(0), 2, frames=True))
print(*(name for name in ("torch._dynamo", "sympy") if name in sys.modules))
"""


def test_learning_imports_nothing_that_compiles():
    ended = subprocess.run(
        [sys.executable, "-c", LEARN], cwd=TESTS, capture_output=True, text=True, check=True, timeout=100
    )
    assert ended.stdout.split() == []
