"""Transitions over several decisions, made from those over one."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from rtgraph.msgs.errors import ReplayError
from rtgraph.nodes.replay.transition import Transition


class MultiStep:
    """Joins each transition with the n − 1 that follow it, fewer at the end of a chain.

    The discount of each is gamma to the power of its ticks, so the joint discount is right however far apart
    in time the decisions are.
    """

    def __init__(self, decisions: int) -> None:
        if decisions < 1:
            raise ReplayError(
                f"n_step must be at least 1, not {decisions}",
                hint="use 1 for transitions from each decision to the next",
            )
        self._decisions = decisions
        self._chain: deque[Transition] = deque()

    def push(self, step: Transition) -> list[Transition]:
        """Add the transition that begins where the last one ended; return the transitions that this completes."""
        self._chain.append(step)
        if len(self._chain) < self._decisions:
            return []
        joined = _joined(self._chain)
        self._chain.popleft()
        return [joined]

    def end(self) -> list[Transition]:
        """End the chain: no later transition continues it. Return the shorter transitions at its end."""
        ended = []
        while self._chain:
            ended.append(_joined(self._chain))
            self._chain.popleft()
        return ended


def _joined(chain: Sequence[Transition]) -> Transition:
    if len(chain) == 1:
        return chain[0]
    reward, discount, ticks = 0.0, 1.0, 0
    for step in chain:
        reward += discount * step.discounted_reward
        discount *= step.discount
        ticks += step.ticks
    return replace(
        chain[0],
        discounted_reward=reward,
        next_observation=chain[-1].next_observation,
        discount=discount,
        ticks=ticks,
        decisions=len(chain),
    )
