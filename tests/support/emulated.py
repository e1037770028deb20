"""Emulated games for tests, and what is seen when they are played."""

import numpy as np

from rtgraph.nodes.emulator.atari_environment import AtariEnvironment, AtariSettings
from rtgraph.nodes.emulator.gameboy_environment import GameBoyEnvironment, GameBoySettings


def atari(game="boxing", **settings):
    return AtariEnvironment(AtariSettings(game=game, **settings))


def gameboy(game="blocks", **settings):
    return GameBoyEnvironment(GameBoySettings(game=game, **settings))


def begun(environment, seed=0):
    environment.reset(np.random.default_rng(seed))
    return environment


def random_actions(environment, count, seed=0):
    return np.random.default_rng(seed).integers(0, environment.spec.action.count, count).tolist()


def play(environment, actions, seed=0):
    """Step through the actions, with a reset after each episode, and return everything observable."""
    rng = np.random.default_rng(seed)
    seen = []
    for action in actions:
        step = environment.step(action)
        seen.append(
            (step.observation.tobytes(), step.reward, step.terminated, step.truncated, step.measurements)
        )
        if step.terminated or step.truncated:
            seen.append(environment.reset(rng).tobytes())
    return seen
