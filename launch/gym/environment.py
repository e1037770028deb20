"""``rtgraph/Realtime-v0``: a plant of a launch file, stepped by an agent of another library."""

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
"""Default number of pending actions in an observation for each worker: one is being inferred, and one waits at the plant for its tick."""
MOST_SLOTS = 1_000
"""Maximum number of pending actions in an observation."""


class RealtimeEnv(gymnasium.Env[Any, Any]):
    """A plant, and an agent that takes time to answer.

    In virtual time, an answer takes as long as an inference of the launch file's workers; in real time, as long as the agent
    computes.

    The workers, their stagger method (when each begins an inference), latencies and gate are those of the launch file; only
    their policy is the agent. A step begins when a worker begins an inference; the step's action becomes the result of that inference. When the inference ends, the
    action reaches the plant's gate, which applies it at a tick. The step ends when the next inference begins, or with the
    episode. So a step is one tick where workers answer every observation, several where they do not, and none where two workers
    begin at once. The reward is the sum of the plant's rewards in between.

    With ``real_time`` the agent takes the place of the workers. The world goes on from the moment that ``reset`` or ``step`` returns; a
    step applies the action at the next tick, waits for it, and returns what it observes. On each tick that passed before the action
    came, β acted.

    ``info`` has ``tick`` and ``worker`` of the observation; ``ticks``, ``policy_ticks``, ``default_ticks`` and ``starting_ticks`` (ticks
    of this step in all, with a decision, with β, and with β because the episode has just begun); and ``age_ticks``, the age of the
    decision applied last, or -1. In real time it has ``agent_ms``, ``missed_ticks``, ``lateness_ms`` and ``slipped_ticks`` too (see
    ``RealTimeWorld.timing``).

    Args:
        launch: name or path of a launch file.
        plant: name of the plant, if there are several.
        pending: whether observations have the pending actions (``pending``, ``pending_mask``) beside the plant's ``observation``; or
            the number of them, by default two for each worker.
        render_mode: None, or ``rgb_array`` if the plant draws pictures.
        real_time: let the plant tick by the clock of the host.
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
        """Begin an episode. With a seed, the whole world starts over, like a launch with that seed."""
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
        """Give the action to the waiting worker, and run until a worker asks for the next action or the episode ends.

        Raises:
            ValueError: the action does not fit the action space; the world is unchanged.
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
        """Stop the world. Closing twice is allowed."""
        self._end_world()

    @property
    def plant(self) -> Plant[Any]:
        """The plant of the running world."""
        return self._running().plant

    def figures(self) -> dict[str, Any]:
        """Return ``ticks``, ``inaction`` and mean ``age_ticks`` since the world began, as a launch's summary defines them."""
        return {} if self._world is None else self._world.watch.figures()

    def _end_world(self) -> None:
        world, self._world, self._question = self._world, None, None
        if world is not None:
            world.end()

    def _observed(self) -> Any:
        """Return the observation that the next action is for, or an episode's last one."""
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
    """Return the number of pending actions that the argument ``pending`` asks for; 0 for none.

    Raises:
        GraphError: ``pending`` is neither a bool nor a number, or the number is out of range.
    """
    if isinstance(pending, bool | int | np.integer) and 0 <= pending <= MOST_SLOTS:
        return int(pending)
    raise GraphError(
        f"pending={shortened(pending)}: expected True, False, or a number of actions up to {MOST_SLOTS:,}"
    )


def _text(value: object) -> str:
    """Return an argument's value as the text that it has on the command line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return json.dumps(value) if isinstance(value, dict | list | tuple) else str(value)
