"""Decisions with a chunk, i.e. actions for several successive ticks, and what happens where chunks overlap.

The gate chooses one of the received decisions at a tick. If no chunk is running, the decision's chunk begins at this tick. One
action of a running chunk acts at each tick. If the gate chooses a decision while a chunk is running, the result depends on
``overlap``. ``none``: the new chunk waits until the running chunk has ended. ``newest``: the new chunk replaces the running chunk at
once. ``average``: the new chunk begins at once, and the actions of all running chunks for a tick are averaged as in the temporal
ensembling of ACT (Zhao et al., "Learning Fine-Grained Bimanual Manipulation with Low-Cost Hardware", RSS 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtgraph.msgs import Decision
from rtgraph.msgs.spaces import ActionSpec, Continuous
from rtgraph.nodes.plant.environment import Action
from rtgraph.nodes.plant.gate import Choice, Gate, LatestParams, PlayoutParams, observed_tick


def chunk_length(decision: Decision) -> int:
    """Return the number of ticks for which a decision has actions."""
    return 1 if decision.chunk is None else 1 + len(decision.chunk)


def action_at(decision: Decision, place: int) -> Action:
    """Return one action of a decision. Action 0 is for the tick at which the decision begins to act, action 1 for the next."""
    if not place or decision.chunk is None:
        return decision.action
    if isinstance(decision.action, int):
        number: int = decision.chunk.item(place - 1)
        return number
    action: Action = decision.chunk[place - 1]
    return action


def actions_of(decision: Decision) -> list[Action]:
    """Return all actions of a decision, in the order of their ticks.

    Raises:
        ValueError: the decision's chunk is not an array of actions.
    """
    chunk = decision.chunk
    if chunk is not None and chunk.ndim != np.ndim(decision.action) + 1:
        raise ValueError(f"chunk of shape {chunk.shape}: expected actions along its first axis")
    return [action_at(decision, place) for place in range(chunk_length(decision))]


@dataclass(slots=True)
class _Running:
    """A decision that acts now, with actions for several ticks, and the tick of its first action."""

    decision: Decision
    began: int


class ChunkGate:
    """Applies decisions with a chunk, i.e. actions for several successive ticks: one action acts at each tick.

    A chunk ends early when the observation of its decision gets older than ``max_age_ms``. The decision then counts as
    late.

    Args:
        gate: chooses a decision at each tick, or none.
        params: what happens where chunks overlap, and the maximum age.
        action: the spec of the plant's actions. If ``params.overlap`` is ``average``, the actions of overlapping chunks for
            a tick are averaged if they are continuous. If they are discrete, one is chosen by a weighted vote.
        period_ns: time between two ticks.
    """

    def __init__(
        self, gate: Gate, params: LatestParams | PlayoutParams, action: ActionSpec, period_ns: int
    ) -> None:
        self._gate = gate
        self._overlap = params.overlap
        self._decay = params.decay
        self._votes = not isinstance(action, Continuous)
        self._most_age = None if params.max_age_ms is None else int(params.max_age_ms * 1e6 // period_ns)
        self._running: list[_Running] = []
        """The decisions that act now, oldest first. There are several only if overlapping chunks are averaged."""
        self._waiting: Decision | None = None
        """The decision that acts after the running one ends, if ``overlap`` is ``none``; None if no decision waits."""

    def begin(self, tick: int, episode: int, incarnation: int) -> int:
        dropped = self._gate.begin(tick, episode, incarnation) + (self._waiting is not None)
        self._running.clear()
        self._waiting = None
        return dropped

    def choose(self, tick: int, arrivals: Sequence[Decision]) -> Choice:
        choice = self._gate.choose(tick, arrivals)
        decision = choice.decision
        if not self._running and (decision is None or decision.chunk is None):
            return choice
        self._end(tick, choice)
        if decision is not None:
            self._add(decision, tick, choice)
        if self._waiting is not None and not self._running:
            self._running.append(_Running(self._waiting, tick))
            self._waiting = None
        self._act(tick, choice)
        return choice

    def _end(self, tick: int, choice: Choice) -> None:
        """Remove the decisions that have no action left or are too old."""
        running = [one for one in self._running if tick - one.began < chunk_length(one.decision)]
        self._running = [one for one in running if not self._is_old(one.decision, tick)]
        old = len(running) - len(self._running)
        if self._waiting is not None and self._is_old(self._waiting, tick):
            self._waiting = None
            old += 1
        choice.late += old
        choice.too_old += old

    def _is_old(self, decision: Decision, tick: int) -> bool:
        return self._most_age is not None and tick - observed_tick(decision) > self._most_age

    def _add(self, decision: Decision, tick: int, choice: Choice) -> None:
        if self._overlap == "none":
            choice.overwritten += self._waiting is not None
            self._waiting = decision
            return
        if self._overlap == "newest":
            self._running.clear()
        self._running.append(_Running(decision, tick))

    def _act(self, tick: int, choice: Choice) -> None:
        """Put the newest running decision into ``choice``, with the action for this tick; None if no decision runs."""
        if not self._running:
            choice.decision = None
            return
        newest = self._running[-1]
        choice.place = tick - newest.began
        action = action_at(newest.decision, choice.place)
        if len(self._running) > 1:
            choice.averaged = len(self._running)
            action = self._average(tick)
        if action is newest.decision.action:
            choice.decision = newest.decision
        else:
            choice.decision = newest.decision.model_copy(update={"action": action})

    def _average(self, tick: int) -> Action:
        """Return the weighted mean of the actions for a tick; for discrete numbers, the value with the largest total weight.

        The weight of a chunk is exp(-decay·i), where i is 0 for the oldest chunk, 1 for the next, and so on. Of
        several values with the same total weight, the value from the newer chunk wins.
        """
        actions = [action_at(one.decision, tick - one.began) for one in self._running]
        exponents = -self._decay * np.arange(len(actions))
        weights = np.exp(exponents - exponents.max())  # of any size, without overflow
        newest = actions[-1]
        stacked = np.stack([np.asarray(action) for action in actions])
        if not self._votes:
            kind = np.asarray(newest).dtype
            mean: Action = np.average(stacked, axis=0, weights=weights).astype(
                kind if kind.kind == "f" else np.float64
            )
            return mean
        # Votes for each chunk's own number, the newest chunk first: the first of the highest ones wins.
        flipped = stacked[::-1]
        votes = np.einsum("j,ij...->i...", weights[::-1], (flipped[:, None] == flipped[None]).astype(float))
        winner = np.take_along_axis(flipped, votes.argmax(axis=0)[None], axis=0)
        return int(winner.item()) if isinstance(newest, int) else np.asarray(winner[0])
