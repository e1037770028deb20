"""With inferences of one tick, what is learned from is what a loop over the Gymnasium environment would collect."""

from __future__ import annotations

from collections.abc import Callable

import gymnasium
import numpy as np
import pytest

from rtgraph.graphs import load_launch
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.world.virtual_run import launch_context
from rtgraph.nodes.runtime import VirtualWorld

ARGUMENTS = {
    "latency_frames": "1",
    "workers": "1",
    "stagger": "none",
    "epsilon": "1",
    "minimum": "5000",
}


def cart_pole(environment: gymnasium.Env, seen: np.ndarray) -> None:
    environment.state, environment.steps_beyond_terminated = seen.astype(float), None


def pendulum(environment: gymnasium.Env, seen: np.ndarray) -> None:
    environment.state = np.array([np.arctan2(seen[1], seen[0]), seen[2]], float)


@pytest.mark.parametrize(
    ("name", "rate_hz", "put", "terminates", "least"),
    # Pendulum: 220 ticks without two resets and the last step, which waits for its next decision. The step that is truncated counts.
    [("CartPole-v1", "50", cart_pole, True, 180), ("Pendulum-v1", "20", pendulum, False, 217)],
)
def test_transitions_are_those_of_a_loop_over_the_environment(
    name: str, rate_hz: str, put: Callable[[gymnasium.Env, np.ndarray], None], terminates: bool, least: int
) -> None:
    given = ARGUMENTS | {"id": name, "rate_hz": rate_hz}
    plan = load_launch(
        "gymnasium_learning", given, world="virtual", record=False, seed=0, ticks=220, folders=FOLDERS
    )
    world = VirtualWorld(plan.nodes, seed=0, launch_context=launch_context(plan, None))
    world.run()
    memory = world.node("replay")._memory
    batch = memory.buffer.sample(256, np.random.default_rng(0))
    environment = gymnasium.make(name).unwrapped
    environment.reset(seed=0)
    ends = 0
    for seen, action, reward, discount, following in zip(
        batch.observations,
        batch.actions,
        batch.returns,
        batch.discounts,
        batch.next_observations,
        strict=True,
    ):
        put(environment, seen)
        observation, expected, terminated, _, _ = environment.step(action)
        assert reward == pytest.approx(expected, abs=1e-4)
        assert discount == (0 if terminated else np.float32(0.99))
        if not terminated:
            assert np.allclose(following, observation, atol=1e-5)
        ends += terminated
    assert 0 < ends < len(batch.actions) / 2 if terminates else ends == 0
    assert len(memory.buffer) >= least
    environment.close()
