"""A plant (environment) in real time, with the caller of ``step`` as its only agent.

Ticks that pass while the agent computes are run late, all at once in the next call of ``step``. The outcome is the same as if these
ticks were run on time: the environment lives in this process, so nothing can observe the environment between two calls.
"""

from __future__ import annotations

import select
from typing import Any

from rtgraph.graphs import Plan
from rtgraph.launch.gym.external_worker import PlantWatch, Question
from rtgraph.launch.world.virtual_run import launch_context
from rtgraph.msgs import Action, Decision, Observation
from rtgraph.msgs.errors import WorldError
from rtgraph.nodes.plant import Plant
from rtgraph.nodes.runtime import Node, NodePlan, Output, Params, VirtualWorld
from rtgraph.nodes.runtime.clock import WallClock, period_ns

AGENT = "agent"
MOST_LATE_TICKS = 3
"""Maximum lateness of a tick, in periods. If a tick is late by more, its lateness is added to the due times of all ticks after it."""


class Pace(WallClock):
    """The monotonic clock of this computer, with a call that waits until a given time."""

    def wait_until(self, due_ns: int) -> None:
        """Wait until ``due_ns`` of the clock. Return at once if this time has passed."""
        while (left_ns := due_ns - self.now_ns()) > 0:
            select.select([], [], [], left_ns / 1e9)


class AgentParams(Params):
    """``Agent`` has no parameters."""


class Agent(Node[AgentParams]):
    """A node that publishes the decisions of a program outside of the graph."""

    decision = Output(Decision)

    def on_start(self) -> None:
        """Begin without an action and with decision number 0."""
        self._decisions = 0
        self._action: Action | None = None

    def answer(self, action: Action) -> None:
        """Store the action until ``decide`` publishes it."""
        self._action = action

    def decide(self, observation: Observation, began_ns: int) -> None:
        """Publish the action that ``answer`` stored, as the decision on an observation.

        Args:
            observation: the observation.
            began_ns: the time at which the agent received the observation, in ns of the graph's clock.

        Raises:
            WorldError: ``answer`` has not been called since the last decision.
        """
        action, self._action = self._action, None
        if action is None:
            raise WorldError(
                "the agent has not given an action for this step", hint="call answer(action) first"
            )
        self.decision.publish(
            Decision(
                worker=self.name,
                number=self._decisions,
                action=action,
                began_ns=began_ns,
                inference_ns=self.now_ns - began_ns,
            ),
            of=observation,
        )
        self._decisions += 1


class RealTimeWorld:
    """The nodes of a real-time environment: a plant, a ``PlantWatch`` and an ``Agent``. They run by the clock of this computer.

    Args:
        plan: the plan (the resolved launch file) with these three nodes.
        plant, watch: the names of the plant and of the ``PlantWatch``.
        rate_hz: the rate of the plant.
        seed: the seed of the plant.
        pace: the clock; None for the monotonic clock of this computer.
    """

    def __init__(
        self, plan: Plan, plant: str, watch: str, rate_hz: float, seed: int, pace: Pace | None = None
    ) -> None:
        self._world = VirtualWorld(plan.nodes, seed=seed, launch_context=launch_context(plan, None))
        self._world.advance(lambda: True)
        self._pace = pace or Pace()
        self._ended = False
        self.watch: PlantWatch = self._world.node(watch)
        """Receives the plant's observations, rewards and applied actions."""
        self.plant: Plant[Any] = self._world.node(plant)
        self._agent: Agent = self._world.node(AGENT)
        self._period_ns = period_ns(rate_hz)
        self._epoch_ns = 0
        """The time of this computer's clock, in ns, at which the graph's time is 0."""
        self._asked_ns = self._thought_ns = self._late_ns = self._missed = self._slipped = 0

    def next_episode(self) -> Question:
        """Abort the running episode, if there is one, and begin another now. Return the first request for an action.

        The time between the two episodes makes no tick late.

        Raises:
            RtgraphError: the plant failed.
        """
        newest = self.watch.newest
        left = -1 if newest is None else newest.episode
        if newest is not None and not self.watch.over:
            self.plant.begin_anew()
        self._epoch_ns = self._pace.now_ns() - self._due_ns()
        while self.watch.newest is None or self.watch.newest.episode == left:
            self._tick()
        self._thought_ns = self._missed = 0
        return self._ask(self.watch.newest)

    def next_question(self) -> Question | None:
        """Apply the agent's action at the next tick, and return the request for the next action; None if the episode has ended.

        Ticks that passed while the agent computed are run first, with the default behaviour. If the episode ends in these ticks,
        the action is not applied.

        Raises:
            RtgraphError: the plant failed.
        """
        now_ns = self._pace.now_ns() - self._epoch_ns
        asked = self.watch.newest
        self._thought_ns = now_ns - self._asked_ns
        before = self._ticks()
        self._world.advance_to(now_ns, self._is_over)
        self._missed = self._ticks() - before
        if not self.watch.over and asked is not None:
            self._agent.decide(asked, self._asked_ns)
            self._tick()
        newest = self.watch.newest
        return None if self.watch.over or newest is None else self._ask(newest)

    def timing(self) -> dict[str, Any]:
        """Return the entries of ``info`` about time.

        * ``agent_ms``: time from the observation to the agent's action;
        * ``missed_ticks``: number of ticks that passed in this time;
        * ``lateness_ms``: how late the tick of the new observation ended, after its due time;
        * ``slipped_ticks``: number of periods by which due times were shifted so far, because ticks were too late.
        """
        return {
            "agent_ms": self._thought_ns / 1e6,
            "missed_ticks": self._missed,
            "lateness_ms": self._late_ns / 1e6,
            "slipped_ticks": self._slipped,
        }

    def end(self) -> None:
        """Stop the nodes. A second call does nothing."""
        if not self._ended:
            self._ended = True
            self._world.end()

    def _tick(self) -> None:
        """Wait until the next tick is due, and run it."""
        before, due_ns = self._ticks(), 0
        while self._ticks() == before:
            due_ns = self._due_ns()
            self._pace.wait_until(due_ns + self._epoch_ns)
            self._world.advance_to(due_ns, _never)
            self.watch.read()
        self._late_ns = self._pace.now_ns() - self._epoch_ns - due_ns
        if self._late_ns > MOST_LATE_TICKS * self._period_ns:
            self._epoch_ns += self._late_ns
            self._slipped += self._late_ns // self._period_ns

    def _ask(self, observation: Observation) -> Question:
        self._asked_ns = self._pace.now_ns() - self._epoch_ns
        return Question(self._agent, observation)

    def _is_over(self) -> bool:
        self.watch.read()
        return self.watch.over

    def _ticks(self) -> int:
        policy, default, _, resets = self.watch.counts()
        return policy + default + resets

    def _due_ns(self) -> int:
        due_ns = self._world.event_queue.next_ns
        if due_ns is None or self._world.reason:
            raise WorldError(
                f"the world has ended: {self._world.reason or 'no node has anything left to do'}"
            )
        return due_ns


def _never() -> bool:
    return False


def agent_node(topic: str) -> NodePlan:
    """Return the agent as a node for a plan (a resolved launch file). The agent publishes its decisions on ``topic``."""
    return NodePlan(
        name=AGENT, index=0, node=f"{Agent.__module__}:{Agent.__name__}", outputs={"decision": topic}
    )
