"""With inferences of one tick, what is learned from is what a loop over the Gymnasium environment would collect."""

from __future__ import annotations

import gymnasium
import numpy as np

from rtgraph.graphs import load_launch
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.world.virtual_run import launch_context
from rtgraph.nodes.runtime import VirtualWorld

ARGUMENTS = {
    "id": "CartPole-v1",
    "rate_hz": "50",
    "latency_frames": "1",
    "workers": "1",
    "stagger": "none",
    "epsilon": "1",
    "minimum": "5000",
}


def test_transitions_are_those_of_a_loop_over_the_environment() -> None:
    plan = load_launch(
        "gymnasium_learning", ARGUMENTS, world="virtual", record=False, seed=0, ticks=200, folders=FOLDERS
    )
    world = VirtualWorld(plan.nodes, seed=0, launch_context=launch_context(plan, None))
    world.run()
    memory = world.node("replay")._memory
    batch = memory.buffer.sample(256, np.random.default_rng(0))
    environment = gymnasium.make("CartPole-v1").unwrapped
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
        environment.state, environment.steps_beyond_terminated = seen.astype(float), None
        observation, expected, terminated, _, _ = environment.step(int(action))
        assert reward == expected
        assert discount == (0 if terminated else np.float32(0.99))
        if not terminated:
            assert np.allclose(following, observation, atol=1e-5)
        ends += terminated
    assert 0 < ends < len(batch.actions) / 2
    assert len(memory.buffer) >= 180
    environment.close()
