"""A learner's updates, compared with an eager PyTorch loop: same network, same batch, one thread each."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from rtgraph.msgs import ArraySpec, Discrete, PlantSpec
from rtgraph.nodes.algorithms.batch import TensorBatch
from rtgraph.nodes.algorithms.dqn.params import DqnParams
from rtgraph.nodes.learner.updates.update import Updater
from rtgraph.nodes.networks import ImpalaSpec
from rtgraph.nodes.networks.network import only
from tests.bench.rounds import in_turn, seconds
from tests.bench.rows import Aim, Row, Say

CASES = ((1 / 16, 16), (0.25, 16), (0.25, 32), (1.0, 16), (1.0, 32), (7.0, 16), (7.0, 32))
UPDATES = {1 / 16: 8, 0.25: 8, 1.0: 3, 7.0: 1}
"""Number of updates in a round, by the network's width."""
ACTIONS = 18
DISCOUNT = 0.99
PEER = "eager PyTorch"
AIM = Aim("2 or more")


def run(rounds: int, say: Say) -> list[Row]:
    """Measure updates per second, by width of the network and size of the batch."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [_row(k, size, rounds, say) for k, size in CASES]
    finally:
        torch.set_num_threads(threads)


def _row(k: float, size: int, rounds: int, say: Say) -> Row:
    say(f"k = {k:g}, batch {size}")
    batch = _batch(size)
    updater, plain = _updater(k), _plain(k)
    for call in (lambda: updater.step(batch), lambda: plain(batch)):
        call()  # allocates memory and compiles kernels
    ours, peer = in_turn(
        rounds,
        lambda _: _per_second(lambda: updater.step(batch), UPDATES[k]),
        lambda _: _per_second(lambda: plain(batch), UPDATES[k]),
    )
    return Row.compared(
        f"IMPALA k = {k:g}, batch {size}",
        "updates/s",
        ours,
        PEER,
        peer,
        more_is_better=True,
        note="DQN, 84x84, channels last, float32",
        aim=AIM,
    )


def _per_second(update: Callable[[], object], count: int) -> float:
    return count / seconds(lambda: [update() for _ in range(count)])


def _updater(k: float) -> Updater:
    frame = ArraySpec(dtype="uint8", shape=(84, 84))
    plant = PlantSpec(rate_hz=60, observation=frame, action=Discrete(count=ACTIONS))
    return Updater(ImpalaSpec(k=k), plant, DqnParams(), seed=0)


def _batch(size: int) -> TensorBatch:
    rng = np.random.default_rng(0)

    def frames() -> Tensor:
        return torch.from_numpy(rng.integers(0, 256, (size, 84, 84), dtype=np.uint8))

    return TensorBatch(
        observations=frames(),
        actions=torch.from_numpy(rng.integers(ACTIONS, size=size)),
        returns=torch.from_numpy(rng.standard_normal(size, dtype=np.float32)),
        next_observations=frames(),
        discounts=torch.full((size,), DISCOUNT),
        weights=torch.ones(size),
    )


def _plain(k: float) -> Callable[[TensorBatch], float]:
    return plain_update(plain_network(k, ACTIONS), plain_network(k, ACTIONS))


def plain_update(online: nn.Module, target: nn.Module) -> Callable[[TensorBatch], float]:
    """Return an update in its plainest form: a module, an optimiser, and the loop's body."""
    target.load_state_dict(online.state_dict())
    adam = torch.optim.Adam(online.parameters(), lr=1e-4)

    def update(batch: TensorBatch) -> float:
        observations, following = (
            only(seen).unsqueeze(1).float() / 255 for seen in (batch.observations, batch.next_observations)
        )
        with torch.no_grad():
            wanted = batch.returns + batch.discounts * target(following).amax(1)
        values = online(observations).gather(1, batch.actions.unsqueeze(1)).squeeze(1)
        loss = (functional.smooth_l1_loss(values, wanted, reduction="none") * batch.weights).mean()
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(online.parameters(), 10.0)
        adam.step()
        return loss.item()

    return update


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, planes: Tensor) -> Tensor:
        change: Tensor = self.second(functional.relu(self.first(functional.relu(planes))))
        return planes + change


def plain_network(k: float, actions: int) -> nn.Module:
    """Return the IMPALA network in its plainest form."""
    first, later = int(16 * k), int(32 * k)
    layers: list[nn.Module] = []
    for before, after in pairwise((1, first, later, later)):
        layers += [nn.Conv2d(before, after, 3), nn.MaxPool2d(3, 2), _Residual(after), _Residual(after)]
    return nn.Sequential(
        *layers,
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(7 * 7 * later, 512),
        nn.ReLU(),
        nn.Linear(512, actions),
    )
