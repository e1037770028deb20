"""Speed of ``rtgraph/Realtime-v0`` in virtual time, compared with its plant's environment without workers and gate."""

from __future__ import annotations

import time
from typing import Any

import gymnasium
import numpy as np

from rtgraph.nodes.plant.environment import Environment
from tests.bench.rounds import in_turn
from tests.bench.rows import Aim, Row, Say

STEPS = 1_000
CASES = {
    "boxing, six paced workers": {"launch": "boxing", "latency_frames": 5},
    "boxing, one worker": {"launch": "boxing", "workers": 1, "stagger": "none", "latency_frames": 1},
}


def run(rounds: int, say: Say) -> list[Row]:
    """Measure ticks per second of both."""
    rows = []
    for case, arguments in CASES.items():
        say(case)
        env = gymnasium.make(
            "rtgraph.launch.gym:rtgraph/Realtime-v0", disable_env_checker=True, **arguments
        ).unwrapped
        env.reset(seed=0)
        plant = env.plant
        bare = type(plant).environment_type(plant.params)
        bare.reset(plant.rng)

        ours, peer = in_turn(
            rounds, lambda _, env=env: _stepped(env), lambda _, bare=bare, rng=plant.rng: _bare(bare, rng)
        )
        rows.append(
            Row.compared(
                case, "ticks/s", ours, "bare environment", peer, more_is_better=True, aim=Aim("≥ 0.6")
            )
        )
        env.close()
        bare.close()
    return rows


def _stepped(env: Any) -> float:
    """Return the environment's steps per second of processor time."""
    began = time.process_time()
    for _ in range(STEPS):
        _, _, terminated, truncated, _ = env.step(1)
        if terminated or truncated:
            env.reset()
    return STEPS / (time.process_time() - began)


def _bare(environment: Environment, rng: np.random.Generator) -> float:
    """Return the steps per second of a plant's environment alone."""
    began = time.process_time()
    for _ in range(STEPS):
        step = environment.step(1)
        if step.terminated or step.truncated:
            environment.reset(rng)
    return STEPS / (time.process_time() - began)
