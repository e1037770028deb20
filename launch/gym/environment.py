"""``rtgraph/Realtime-v0``: a Gymnasium environment that runs the plant of a launch file.

The plant is the node with the environment, such as an emulator. An agent of another library chooses the actions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from rtgraph.launch.gym.external_worker import Question
from rtgraph.launch.gym.pending import PendingActions
from rtgraph.launch.gym.real_time import RealTimeWorld
from rtgraph.launch.gym.spaces import action_space, observation_space, pending_spaces, plant_action
from rtgraph.launch.gym.stepped_graph import SteppedGraph, SteppedWorld
from rtgraph.msgs.errors import GraphError, WorldError
from rtgraph.msgs.typed.text import shortened
from rtgraph.nodes.plant import Plant
from rtgraph.nodes.plant.actions import check_action, clamped

SLOTS_PER_WORKER = 2
"""Default number of pending actions (decided but not yet applied) in an observation, for each worker.

One action is being inferred, and one waits at the plant for its tick.
"""
MOST_SLOTS = 1_000
"""Maximum number of pending actions (decided but not yet applied) in an observation."""


class RealtimeEnv(gymnasium.Env[Any, Any]):
    """A plant (the environment of a launch file), which goes on while the agent computes its next action.

    In virtual time, an action takes as long as an inference of the launch file's workers. In real time, it takes as long as the
    agent computes.

    Virtual time: the launch file sets the workers, their latencies, and when each worker begins an inference. The agent
    replaces their policy. A step begins when a worker begins an inference, and the step's action is the result of this
    inference. When the inference ends, the action goes to the plant, which applies it at a tick. The step ends when the next
    inference begins, or when the episode ends. So a step can take one tick, several ticks, or no tick if two workers begin at
    the same time. The reward is the sum of the plant's rewards during the step.

    Real time (``real_time=True``): the agent replaces the workers. After ``reset`` or ``step`` has returned, the plant's clock
    keeps running. The default behaviour β acts on each tick before the agent's next action. Then ``step`` applies the action
    at the next tick, and returns the observation of this tick.

    Entries of ``info``:

    * ``tick``, ``worker``: the tick of the observation, and the worker that asks for an action;
    * ``ticks``: number of ticks in this step; ``policy_ticks`` of them with a decision, ``default_ticks`` with β;
    * ``starting_ticks``: number of ticks with β because the episode has just begun;
    * ``age_ticks``: age, in ticks, of the decision applied last; -1 before the first one of the episode;
    * in real time also ``agent_ms``, ``missed_ticks``, ``lateness_ms`` and ``slipped_ticks``, see ``RealTimeWorld.timing``.

    Args:
        launch: name or path of a launch file.
        plant: name of the plant, if there are several.
        pending: the maximum number of pending actions (decided but not yet applied) that are added to each observation, as
            ``pending`` and ``pending_mask``. True stands for two actions for each worker. False or 0 adds nothing.
        render_mode: None, or ``rgb_array`` if the plant draws pictures.
        real_time: run the plant in real time, by the clock of this computer.
        arguments: arguments of the launch file with names that ``gymnasium.make`` uses itself, such as ``id``.
        others: all other arguments of the launch file.

    Raises:
        GraphError: the launch file, or an argument, is wrong.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"]}  # noqa: RUF012 - as Gymnasium declares it

    def __init__(
        self,
        launch: str,
        *,
        plant: str | None = None,
        pending: bool | int = False,
        render_mode: str | None = None,
        real_time: bool = False,
        arguments: Mapping[str, object] | None = None,
        **others: object,
    ) -> None:
        if render_mode not in {None, "rgb_array"}:
            raise GraphError(f"unknown render_mode {render_mode!r}", hint="use render_mode='rgb_array'")
        slots = _slots(pending)
        typed = {name: _text(value) for name, value in {**(arguments or {}), **others}.items()}
        self._graph = SteppedGraph(
            launch, typed, plant, pictures=render_mode is not None, real_time=real_time
        )
        self.render_mode = render_mode
        if render_mode is not None:
            self._graph.check_pictures()
        spec = self._graph.spec
        self.metadata = {**self.metadata, "render_fps": spec.rate_hz}
        self.action_space = action_space(spec.action)
        self.observation_space = observation_space(spec)
        self._pending: PendingActions | None = None
        if pending:
            slots = SLOTS_PER_WORKER * self._graph.workers if pending is True else slots
            self._pending = PendingActions(spec.action, slots)
            self.observation_space = spaces.Dict(
                {"observation": self.observation_space, **pending_spaces(spec.action, slots)}
            )
        self._check_action = clamped if self._graph.clamps else check_action
        self._world: SteppedWorld | RealTimeWorld | None = None
        self._question: Question | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode. With a seed, all nodes start anew. In virtual time, the same seed gives the same run."""
        super().reset(seed=seed)
        if self._world is None or seed is not None:
            self._end_world()
            chosen = int(self.np_random.integers(2**31)) if seed is None else seed
            self._world = self._graph.world(chosen)
        if self._pending is not None:
            self._pending.begin()
        before = self._world.watch.counts()
        self._question = self._world.next_episode()
        return self._observed(), self._info(before)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Give the action to the worker that asked for it, and run until a worker asks for the next action or the episode ends.

        Raises:
            ValueError: the action does not fit the action space. Nothing has changed.
            WorldError: no episode is running.
        """
        world, question = self._world, self._question
        if world is None or question is None:
            raise WorldError("no episode is running", hint="call reset() first")
        spec = self._graph.spec.action
        given = plant_action(action, spec)
        self._check_action(given, spec)
        question.worker.answer(given)
        if self._pending is not None:
            self._pending.decided(question.observation.tick, given)
        before = world.watch.counts()
        self._question = world.next_question()
        newest = world.watch.newest if self._question is None else None
        ends = (False, False) if newest is None else (newest.terminated, newest.truncated)
        return self._observed(), world.watch.take_reward(), *ends, self._info(before)

    def render(self) -> npt.NDArray[np.generic] | None:
        """Return the plant's picture, (height, width, 3) uint8 RGB; None without ``render_mode``, or before an episode."""
        if self.render_mode is None or self._world is None:
            return None
        return self._world.plant.picture()

    def close(self) -> None:
        """Stop all nodes. A second call does nothing."""
        self._end_world()

    @property
    def plant(self) -> Plant[Any]:
        """The plant node, which contains the environment."""
        return self._running().plant

    def figures(self) -> dict[str, Any]:
        """Return statistics of all ticks since the nodes started; an empty dict before the first ``reset``.

        ``ticks`` is the number of ticks. ``inaction`` is the share of ticks without a decision; starts of episodes do not count.
        ``age_ticks`` is the mean age of the applied decisions, in ticks. ``inaction`` and ``age_ticks`` are None without any data.
        """
        return {} if self._world is None else self._world.watch.figures()

    def _end_world(self) -> None:
        world, self._world, self._question = self._world, None, None
        if world is not None:
            world.end()

    def _observed(self) -> Any:
        """Return the observation for which an action is needed, or the last observation of an ended episode."""
        world = self._running()
        newest = world.watch.newest if self._question is None else self._question.observation
        if newest is None:
            raise WorldError("the plant has not published an observation yet")
        value = newest.value
        # Agents may write to what they get, and the message is shared.
        own = {name: part.copy() for name, part in value.items()} if isinstance(value, dict) else value.copy()
        if self._pending is None:
            return own
        self._pending.applied(world.watch.acted_on)
        return {"observation": own, **self._pending.observation()}

    def _info(self, before: tuple[int, int, int, int]) -> dict[str, Any]:
        world = self._running()
        watch, question = world.watch, self._question
        policy_before, default_before, starting_before, resets_before = before
        policy, default = watch.policy - policy_before, watch.default - default_before
        newest = watch.newest if question is None else question.observation
        return {
            "tick": -1 if newest is None else newest.tick,
            "worker": "" if question is None else question.worker.name,
            "ticks": policy + default + watch.resets - resets_before,
            "policy_ticks": policy,
            "default_ticks": default,
            "starting_ticks": watch.starting - starting_before,
            "age_ticks": watch.age_ticks,
            **world.timing(),
        }

    def _running(self) -> SteppedWorld | RealTimeWorld:
        if self._world is None:
            raise WorldError("no episode is running", hint="call reset() first")
        return self._world


def _slots(pending: object) -> int:
    """Check the argument ``pending``: whether, or how many, pending actions are in an observation.

    Return a number unchanged, as an int. Return 1 for True and 0 for False: the caller must handle True itself.

    Raises:
        GraphError: the argument ``pending`` is neither a bool nor a whole number, or the number is out of range.
    """
    if isinstance(pending, bool | int | np.integer) and 0 <= pending <= MOST_SLOTS:
        return int(pending)
    raise GraphError(
        f"pending={shortened(pending)}: expected True, False, or a whole number of actions up to {MOST_SLOTS:,}"
    )


def _text(value: object) -> str:
    """Convert the value of an argument to the text that a user would write on the command line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return json.dumps(value) if isinstance(value, dict | list | tuple) else str(value)
