"""A learning cell of a study, compared with a plain eager loop: the same emulator, network, batches and updates, one thread each."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from rtgraph.graphs import load_launch
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.world.virtual_run import launch_context
from rtgraph.nodes.algorithms.batch import TensorBatch
from rtgraph.nodes.algorithms.params import must_be_discrete
from rtgraph.nodes.emulator.atari_environment import AtariEnvironment, AtariSettings
from rtgraph.nodes.runtime import VirtualWorld
from tests.bench.benchmarks.updates import PEER, plain_network, plain_update
from tests.bench.rounds import in_turn, seconds
from tests.bench.rows import Aim, Row, Say

WIDTHS = (1 / 16, 0.25)
TICKS = 600
WARM_UP_TICKS = 100
"""Frames before the first update."""
EVERY = 4
"""Frames per update."""
BATCH = 16
DISCOUNT = 0.99
EPSILON = 0.05
AIM = Aim("2 or more")


def run(rounds: int, say: Say) -> list[Row]:
    """Measure frames per second of Boxing with an update every four frames, by width of the network."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [_row(k, compiled, rounds, say) for k in WIDTHS for compiled in (True, False)]
    finally:
        torch.set_num_threads(threads)


def _row(k: float, compiled: bool, rounds: int, say: Say) -> Row:
    name = "compiled" if compiled else "not compiled"
    say(f"k = {k:g}, {name}")
    ours, peer = in_turn(
        rounds,
        lambda _: TICKS / seconds(partial(_cell, k, compiled)),
        lambda _: TICKS / seconds(partial(_plain_loop, k)),
    )
    return Row.compared(
        f"Boxing, k = {k:g}, an update every {EVERY} frames, {name}",
        "frames/s",
        ours,
        PEER,
        peer,
        more_is_better=True,
        note="DQN, batch 16, one thread",
        aim=AIM if compiled else None,
    )


def _cell(k: float, compiled: bool) -> None:
    """Let an agent learn in virtual time, as a study does; its world is made too."""
    arguments = {
        "learn": "true",
        "k": str(k),
        "workers": "2",
        "latency_frames": "1",
        "epsilon": str(EPSILON),
        "minimum": str(WARM_UP_TICKS),
        "updates_per_tick": str(1 / EVERY),
        "batch": str(BATCH),
        "replay_mib": "64",
        "compiled": str(compiled).lower(),
    }
    plan = load_launch("boxing", arguments, world="virtual", record=False, ticks=TICKS, folders=FOLDERS)
    VirtualWorld(plan.nodes, seed=plan.seed, launch_context=launch_context(plan, None)).run()


def _plain_loop(k: float) -> None:
    """Learn in one loop, as a single file of PyTorch does."""
    rng = np.random.default_rng(0)
    environment = AtariEnvironment(AtariSettings(game="boxing", full_action_set=True))
    actions = must_be_discrete(environment.spec)
    online, target = plain_network(k, actions), plain_network(k, actions)
    update = plain_update(online, target)
    frames = np.zeros((TICKS + 1, 84, 84), np.uint8)
    acted, rewards = np.zeros(TICKS, np.int64), np.zeros(TICKS, np.float32)
    going_on = np.ones(TICKS, np.float32)
    frames[0] = environment.reset(rng)
    for tick in range(TICKS):
        if rng.random() < EPSILON:
            action = int(rng.integers(actions))
        else:
            with torch.no_grad():
                frame = torch.from_numpy(frames[tick]).float().div(255)[None, None]
                action = int(online(frame).argmax())
        step = environment.step(action)
        frames[tick + 1] = np.asarray(step.observation)
        acted[tick], rewards[tick], going_on[tick] = action, step.reward, not step.terminated
        if step.terminated or step.truncated:
            frames[tick + 1] = environment.reset(rng)
        if tick >= WARM_UP_TICKS and tick % EVERY == 0:
            drawn = rng.integers(tick, size=BATCH)
            update(
                TensorBatch(
                    observations=torch.from_numpy(frames[drawn]),
                    actions=torch.from_numpy(acted[drawn]),
                    returns=torch.from_numpy(rewards[drawn]),
                    next_observations=torch.from_numpy(frames[drawn + 1]),
                    discounts=torch.from_numpy(DISCOUNT * going_on[drawn]),
                    weights=torch.ones(BATCH),
                )
            )
