"""Transitions that span several decisions (n-step), made from transitions that span one decision."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from rtgraph.msgs.errors import ReplayError
from rtgraph.nodes.replay.transition import Transition


class MultiStep:
    """Joins each transition with the n − 1 transitions that follow it, or with fewer at the end of a chain.

    A *chain* is a sequence of transitions. Each transition begins where the transition before it ended. A transition's discount is
    gamma to the power of its number of ticks. So the product of the discounts is right even if decisions are irregular in time.
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
        """Add the next transition. Return a list with the n-step transition that is now complete, or an empty list."""
        self._chain.append(step)
        if len(self._chain) < self._decisions:
            return []
        joined = _joined(self._chain)
        self._chain.popleft()
        return [joined]

    def end(self) -> list[Transition]:
        """End the sequence of transitions. Return the remaining transitions, which span fewer than n decisions."""
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
