"""A policy that plays Breakout by what it sees: it moves the paddle under the ball."""

from __future__ import annotations

import numpy as np

from rtgraph.msgs import Decision, Observation
from rtgraph.nodes.runtime import Input, Node, Output, Params, latest

NOOP, FIRE, RIGHT, LEFT = range(4)
BALL, PADDLE = slice(40, 74), slice(75, 78)
"""Rows of the grey picture of 84 × 84 below the bricks, and those of the paddle."""
COLUMNS = slice(5, 79)
BRIGHT = 40


class Tracker(Node[Params]):
    """Keeps the middle of the paddle under the ball; presses FIRE while there is none."""

    observation = Input(Observation, latest)
    decision = Output(Decision)

    def on_start(self) -> None:
        self._number = 0

    def on_observation(self, observation: Observation) -> None:
        picture = observation.value[:, COLUMNS]
        ball = np.flatnonzero((picture[BALL] > BRIGHT).any(axis=0))
        paddle = np.flatnonzero((picture[PADDLE] > BRIGHT).any(axis=0))
        action = FIRE if not ball.size else NOOP
        if ball.size and paddle.size:
            gap = ball.mean() - (paddle[0] + paddle[-1]) / 2
            action = NOOP if abs(gap) < 3 else RIGHT if gap > 0 else LEFT
        self._number += 1
        decided = Decision(
            worker=self.name, number=self._number, action=action, began_ns=self.now_ns, inference_ns=0
        )
        self.decision.publish(decided, of=observation)
