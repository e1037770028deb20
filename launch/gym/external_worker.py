"""Nodes for an agent outside of the graph.

Workers are nodes that infer actions. Here they ask the agent for each action, and another node collects the rewards.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from rtgraph.msgs import Action, Applied, Continuous, Discrete, EpisodeEnd, Observation, PlantSpec
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.spaces import Value
from rtgraph.nodes.inference.policy import Act, Policy
from rtgraph.nodes.inference.worker import Worker
from rtgraph.nodes.runtime import Input, Node, Params, queue

MOST_TICKS_A_STEP = 1 << 16
"""Maximum number of ticks with unread messages that a ``PlantWatch`` keeps."""


class Asking(Protocol):
    """A node that asks a program outside of the graph for actions."""

    @property
    def name(self) -> str:
        """Name of the node."""
        ...

    def answer(self, action: Action) -> None:
        """Set the action for which the node asked."""
        ...


@dataclass(slots=True)
class Question:
    """A worker's request for an action on an observation. Virtual time stands still until the program resumes the world."""

    worker: Asking
    observation: Observation


class ExternalWorker(Worker):
    """A worker without a policy: a program outside of the graph sets the action of each inference. For virtual time only.

    Each inference starts, takes its observation and ends like an inference of a normal ``Worker``.
    """

    only_reads = True

    def on_prepare(self) -> None:
        """Create the queue of questions (requests for actions), which the program reads."""
        super().on_prepare()
        if self.context.launch_context.realtime:
            raise NodeError(
                f"{self.name}: ExternalWorker stops the time until a program answers, so it needs the virtual world",
                hint="use world: virtual",
            )
        self.questions: deque[Question] = deque()

    def _make_policy(self) -> Policy:
        return _Idle(self.params.plant)

    def _begin(self, observation: Observation) -> None:
        super()._begin(observation)
        self.questions.append(Question(self, observation))

    def answer(self, action: Action) -> None:
        """Set the action of the running inference. Without a call, the action is the valid action nearest to 0."""
        self._act = Act(action)


class _Idle(Policy):
    """A policy that always returns the valid action nearest to 0.

    It draws no random number, so that random latencies are the same as with a scripted policy.
    """

    def __init__(self, plant: PlantSpec) -> None:
        self._act = Act(idle_action(plant))

    def act(self, observation: Value, tick: int = 0) -> Act:
        return self._act


def idle_action(plant: PlantSpec) -> Action:
    """Return a valid action of a plant (environment): 0, or the valid vector nearest to 0."""
    match plant.action:
        case Discrete():
            return 0
        case Continuous() as spec:
            return np.clip(np.zeros(spec.size), spec.low, spec.high).astype(np.float32)
        case spec:
            return np.zeros(spec.size, np.int64)


class WatchParams(Params):
    """``PlantWatch`` has no parameters."""


class PlantWatch(Node[WatchParams]):
    """Keeps a plant's newest observation, its unread rewards, and which decisions were applied.

    The plant is the node with the environment. Messages wait in this node's inputs until the program calls ``read``.
    """

    only_reads = True

    observation = Input(Observation, queue(MOST_TICKS_A_STEP))
    applied = Input(Applied, queue(MOST_TICKS_A_STEP))
    episode = Input(EpisodeEnd, queue(MOST_TICKS_A_STEP))

    def on_start(self) -> None:
        """Set all counts to 0: no observation has arrived yet."""
        self.newest: Observation | None = None
        self.over = False
        """Whether the episode has ended and all of its ticks are counted."""
        self.policy = self.default = self.starting = self.resets = 0
        """Numbers of ticks so far, by what acted on them.

        ``policy``: a decision. ``default``: the default behaviour β. ``resets``: a reset, with no action. ``starting`` is the
        number of ticks in ``default`` that were at the start of an episode.
        """
        self.ages: Counter[int] = Counter()
        """Number of decisions applied so far, by the age of the decision in ticks."""
        self.age_ticks = self.acted_on = -1
        """``age_ticks``: the age, in ticks, of the newest applied decision. ``acted_on``: the tick of its observation.

        Both are -1 until the first decision of an episode is applied.
        """
        self._reward = 0.0

    def read(self) -> None:
        """Read the observations and applied actions that arrived since the last call."""
        for observation in self.observation.take_all():
            self.newest = observation
            # Dicts are read in a fifth of the time of a model's attributes.
            values = observation.__dict__
            # An episode begins without any reward.
            self._reward = 0.0 if values["first"] else self._reward + values["reward"]
        for applied in self.applied.take_all():
            self._count(applied.__dict__)
        self.episode.inbox.clear()

    def counts(self) -> tuple[int, int, int, int]:
        """Return the numbers of ticks so far, by what acted on them: ``policy``, ``default``, ``starting`` and ``resets``.

        The ticks in ``starting`` also count in ``default``.
        """
        return self.policy, self.default, self.starting, self.resets

    def _count(self, applied: dict[str, Any]) -> None:
        """Count a tick by what acted on it: a decision, the default behaviour β, or a reset."""
        newest, age_ticks = self.newest, applied["age_ticks"]
        self.over = newest is not None and (newest.terminated or newest.truncated)
        if applied["by"] == "reset":
            self.resets += 1
            self.age_ticks = self.acted_on = -1
        elif age_ticks is not None:
            self.policy += 1
            self.age_ticks, self.acted_on = age_ticks, applied["tick"] - age_ticks
            self.ages[age_ticks] += 1
        else:
            self.default += 1
            self.starting += applied["starting"]

    def take_reward(self) -> float:
        """Return the sum of the rewards since the last call of this method, or since the episode began if that was later."""
        reward, self._reward = self._reward, 0.0
        return reward

    def figures(self) -> dict[str, Any]:
        """Return statistics of all ticks so far.

        ``ticks`` is the number of ticks. ``inaction`` is the share of ticks without a decision; starts of episodes do not count.
        ``age_ticks`` is the mean age of the applied decisions, in ticks. ``inaction`` and ``age_ticks`` are None without any data.
        """
        judged = self.policy + self.default - self.starting
        acted = self.ages.total()
        return {
            "ticks": self.policy + self.default + self.resets,
            "inaction": (self.default - self.starting) / judged if judged else None,
            "age_ticks": sum(age * count for age, count in self.ages.items()) / acted if acted else None,
        }
