"""The plant: a node with an environment that steps at a fixed rate and never waits for an agent."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import numpy as np
from pydantic import JsonValue

from rtgraph.msgs import Applied, Decision, Ending, EpisodeEnd, Observation, PlantSpec, Screen
from rtgraph.msgs.array import Array, frozen
from rtgraph.msgs.base import OWNED, UNSENT
from rtgraph.msgs.errors import CheckpointError, NodeError
from rtgraph.msgs.isolation import LEAST, MOST
from rtgraph.nodes.plant.admission import Admission
from rtgraph.nodes.plant.chunks import ChunkGate
from rtgraph.nodes.plant.default import DefaultBehaviour, check_default, make_default
from rtgraph.nodes.plant.environment import Action, Environment, Saveable, Step, Value
from rtgraph.nodes.plant.gate import Choice, make_gate
from rtgraph.nodes.plant.outcome import Outcomes
from rtgraph.nodes.plant.params import PlantParams
from rtgraph.nodes.runtime import Input, Node, Output, Urgency, queue
from rtgraph.nodes.runtime.clock import period_ns

P = TypeVar("P", bound=PlantParams)
# Attributes of enums and of pydantic's classes take five times as long to look up.
_TICK = Urgency.TICK
_applied_of, _observation_of = Applied.unchecked, Observation.unchecked


class Plant(Node[P]):
    """The base of every plant, i.e. a node with an environment that steps at a fixed rate and never waits for an agent.

    Tick k is due at (k + s)·P of the graph's clock. P is the whole number of ns nearest to 10⁹/rate, and s is the number of
    ticks skipped since the start. Deadlines are absolute, so errors never accumulate. At each tick the gate chooses one of
    the received decisions, or none. The environment makes one step, and the observation and the applied action are
    published. The first tick of an episode only resets. A decision with an action that does not fit the spec is refused:
    it is counted, never reaches the gate, and the log names its worker. With ``out_of_range: clamp``, a continuous action
    beyond its range is clamped and applied instead. A launch in which all decisions were refused has failed. Every
    observation and reward is compared with the spec; values that are not finite are published and counted.

    A subclass defines the plant's actions and observations (``spec``) and makes its environment
    (``environment``).
    """

    stop_rank: ClassVar[int] = 0
    incidental: ClassVar[frozenset[str]] = frozenset()
    """Parameters that are not part of ``identity``, by name. They set the pace, show the environment or end its episodes."""

    _sent: Action | None = None
    """The action that the environment received at this tick, if it differs from the chosen action; else None."""
    _names_are_known: bool = False
    """Whether the spec gives the names of the measurements, all in ASCII."""

    decision = Input(Decision, queue(256), many=True, optional=True)
    observation = Output(Observation)
    applied = Output(Applied)
    ending = Output(Ending)
    episode = Output(EpisodeEnd)
    screen = Output(Screen)

    @classmethod
    def spec(cls, params: P) -> PlantSpec:
        """Return the plant's spec without starting it."""
        raise NodeError(
            f"{cls.__name__} does not define the spec of its actions and observations",
            hint="define spec(params)",
        )

    @classmethod
    def identity(cls, params: P) -> dict[str, JsonValue]:
        """Return the parameters that define the environment.

        A checkpoint or replay memory can be used only in a launch in which these parameters are equal.
        """
        return params.model_dump(mode="json", exclude={*PlantParams.model_fields, *cls.incidental})

    @classmethod
    def check(cls, params: P) -> None:
        """Check that the default behaviour can be imported and made."""
        check_default(params.default)

    def environment(self) -> Environment:
        """Make the plant's environment."""
        raise NodeError(f"{type(self).__name__} does not define its environment", hint="define environment()")

    def on_prepare(self) -> None:
        """Make the environment."""
        self._environment = self.environment()

    def on_start(self) -> None:
        """Begin at tick 0, however late the plant starts. A restarted plant begins at the first tick that is not over yet."""
        self._period_ns = period_ns(self._environment.spec.rate_hz)
        gate, action = self.params.gate, self._environment.spec.action
        self._gate = ChunkGate(make_gate(gate, self._period_ns), gate, action, self._period_ns)
        self._default = self._make_default()
        self._last: Action | None = None
        self._resets = True
        self._episode = -1
        self._episode_ticks = self._episode_actions = 0
        self._episode_reward = 0.0
        self._overruns = self._slipped = self._work_ns = 0
        names = self._environment.spec.measurements
        self._names_are_known = bool(names) and all(map(str.isascii, names))
        self._admission = Admission(self._environment.spec.action, self.params.out_of_range, self.log)
        self._outcomes = Outcomes(self.name, self._environment.spec, self.log)
        restarted = self.context.identity.incarnation > 0
        self._tick = max(0, -(-self.now_ns // self._period_ns) - 1) if restarted else 0
        if end := self._end():  # restarted after the last tick
            self.finish(end)
        self.at(self._due_ns(), self._on_tick, _TICK)

    def _make_default(self) -> DefaultBehaviour:
        return make_default(self.params.default)

    def on_stop(self) -> None:
        """Release the environment, and log the workers with refused decisions."""
        self._admission.log_totals()
        self._environment.close()

    def result(self) -> dict[str, Any]:
        """Return two counts: ``not_finite``, the observations and rewards that were not finite, and ``clamped``, the clamped actions.

        ``not_finite`` is a dict by ``observations`` and ``rewards``. Counts of 0 are left out. If observations were not finite, the
        result also has a list ``warnings``.
        """
        return self._outcomes.result() | self._admission.result()

    def failure(self) -> str:
        """If all decisions were refused, return why the first one was refused; otherwise return an empty text."""
        return self._admission.failure()

    def world_state(self) -> dict[str, Any]:
        """Return the state to save in a checkpoint.

        If the environment can make snapshots, a snapshot is saved in place of the environment. Before the first reset, None is
        saved in place of the snapshot.
        """
        state = super().world_state()
        environment = state.get("_environment")
        if isinstance(environment, Saveable):
            # Before the first reset there is nothing to restore.
            state["_environment"] = environment.snapshot() if hasattr(self, "_observed") else None
        return state

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the state from a checkpoint.

        If the checkpoint holds the environment itself, that object is used. Otherwise the environment is made again, and its
        snapshot is restored if there is one.

        Raises:
            CheckpointError: the checkpoint holds a snapshot, which the environment cannot restore.
        """
        saved = state.pop("_environment")
        super().load_world_state(state)
        if saved is not None and not isinstance(saved, bytes):
            self._environment = saved
            return
        self._environment = self.environment()
        if saved is not None:
            if not isinstance(self._environment, Saveable):
                raise CheckpointError(
                    f"{self.name}: the checkpoint holds a snapshot of the environment, and this environment cannot restore one",
                    hint="define snapshot() and restore(snapshot) in the environment",
                )
            self._environment.restore(saved)

    def begin_anew(self) -> None:
        """End the running episode here: the next tick begins another one."""
        self._resets = True

    def picture(self) -> Array | None:
        """Return the image that a person would see, (height, width, 3) uint8 RGB; None if the environment has none."""
        return self._environment.screen()

    def _due_ns(self) -> int:
        return (self._tick + self._slipped) * self._period_ns

    def _on_tick(self) -> None:
        if self._end():
            return  # in real time the other nodes take a moment to stop
        read_ns = self.context.now_ns
        began_ns, due_ns = read_ns(), self._due_ns()
        self._attend(began_ns)
        arrivals = admissible = self.decision.take_all()
        if arrivals:
            admissible = [decision for decision in arrivals if self._admission.takes(decision)]
        self._arrived, self._refused_now = len(arrivals), len(arrivals) - len(admissible)
        if not self._resets:
            self._step(due_ns, began_ns, admissible)
        elif self._is_ready():
            self._reset(due_ns, began_ns, len(admissible))
        self._tick += 1
        self._work_ns = read_ns() - began_ns
        if end := self._end():
            self.finish(end)
        next_ns = self._due_ns()
        behind_ns = read_ns() - next_ns
        if behind_ns > 0:
            self._keep_up(behind_ns)
            next_ns = self._due_ns()
        self.context.at(next_ns, self._on_tick, _TICK)

    def _attend(self, now_ns: int) -> None:
        """Do what a subclass does at the start of each tick, before a decision is chosen."""

    def _is_ready(self) -> bool:
        """Return whether an episode can begin at this tick. Before the first episode, no observation is published."""
        return True

    def _end(self) -> str:
        """Return as text which limit of ticks or episodes ends the plant now; empty if the plant goes on."""
        most_ticks = self.context.launch_context.limits.ticks
        if most_ticks and self._tick >= most_ticks:
            return f"{self._tick} ticks"
        if not self._resets:
            return ""
        episodes = self.params.episodes
        return "" if episodes is None or self._episode + 1 < episodes else f"{episodes} episodes"

    def _keep_up(self, behind_ns: int) -> None:
        """Count a tick that ended ``behind_ns`` too late. Skip the missed ticks in excess of ``catch_up_ticks``."""
        self._overruns += 1
        behind = behind_ns // self._period_ns + 1
        self._slipped += max(0, behind - self.params.catch_up_ticks)

    def _reset(self, due_ns: int, began_ns: int, unwanted: int) -> None:
        self._episode += 1
        self._episode_ticks, self._episode_actions, self._episode_reward = 0, 0, 0.0
        self._resets, self._last = False, None
        value = self._outcomes.observation(self._environment.reset(self.rng), self._tick)
        self._default.begin(self._environment.noop)
        dropped = self._gate.begin(self._tick, self._episode, self.context.identity.incarnation)
        first = Observation(
            tick=self._tick, episode=self._episode, first=True, value=value, captured_ns=self._captured_ns()
        )
        self._show(first, began_ns)
        # Earlier decisions belong to the previous episode.
        self._report(Choice(dropped=dropped + unwanted), self._environment.noop, due_ns, began_ns, None)

    def _step(self, due_ns: int, began_ns: int, arrivals: list[Decision]) -> None:
        choice = self._gate.choose(self._tick, arrivals)
        action, step = self._act(choice)
        step = self._outcomes.step(step, self._tick)
        self._last = action
        self._episode_ticks += 1
        noop = self._environment.noop
        # Numpy takes ten times as long to compare two numbers.
        if action is not noop and (
            action != noop if type(action) is int else not np.array_equal(action, noop)
        ):
            self._episode_actions += 1
        self._episode_reward += step.reward
        self._show(self._observation(step), began_ns)
        self._report(choice, action, due_ns, began_ns, step)
        if step.terminated or step.truncated:
            self._end_episode(step)

    def _default_action(self) -> Action:
        """Return the action of the default behaviour β."""
        return self._default.act(self._observed, self._last)

    def _act(self, choice: Choice) -> tuple[Action, Step]:
        """Step the environment by one tick, with the chosen decision's action or, without a decision, with β's action."""
        decision = choice.decision
        action = self._default_action() if decision is None else decision.action
        # The environment gets a copy, which it may write to. ``Applied`` holds the chosen action, unchanged.
        given = self._admission.in_range(action)
        self._sent = None if given is action else given
        if type(action) is not int:
            if isinstance(action, np.ndarray):
                action = frozen(action)
            if isinstance(given, np.ndarray):
                given = given.copy()
        return action, self._environment.step(given)

    def _captured_ns(self) -> dict[str, int]:
        # Not isinstance(…, Capturing), which takes 10 µs.
        captured = getattr(self._environment, "captured_ns", None)
        return {} if captured is None else self._outcomes.captured(captured(), self._tick)

    def _observation(self, step: Step) -> Observation:
        value, captured_ns = step.observation, self._captured_ns()
        named = self._names_are_known or not step.measurements
        if isinstance(value, dict) or captured_ns or not named:
            return Observation(
                tick=self._tick,
                episode=self._episode,
                value=value,
                reward=step.reward,
                terminated=step.terminated,
                truncated=step.truncated,
                measurements=step.measurements,
                captured_ns=captured_ns,
            )
        # The step was compared with the spec: nothing is left to validate.
        return _observation_of(
            {
                "header": OWNED,
                "tick": self._tick,
                "episode": self._episode,
                "first": False,
                "value": frozen(value),
                "reward": step.reward,
                "terminated": step.terminated,
                "truncated": step.truncated,
                "measurements": step.measurements.copy(),
                "captured_ns": {},
            }
        )

    def _show(self, observation: Observation, began_ns: int) -> None:
        shown = observation.__dict__  # read in a fifth of the time of a model's attributes
        captured_ns: dict[str, int] = shown["captured_ns"]
        # A device's thread may capture a part just after the tick began.
        self._captured_age_ns = (
            {name: max(0, began_ns - at_ns) for name, at_ns in captured_ns.items()} if captured_ns else {}
        )
        self.observation.publish(observation)
        # Not the environment's array, which β and the next step may overwrite.
        self._observed: Value = shown["value"]
        if self.params.publish_screen:
            screen = self._environment.screen()
            if screen is not None:
                image = self._outcomes.screen(screen, self._tick)
                self.screen.publish(
                    Screen(tick=observation.tick, episode=observation.episode, image=image), of=observation
                )

    def _report(self, choice: Choice, action: Action, due_ns: int, began_ns: int, step: Step | None) -> None:
        decision, sent = choice.decision, None if step is None else self._sent
        worker = number = age_ticks = age_ns = pending = lineage = None
        seen: tuple[int, ...] = ()
        by = "reset" if step is None else "default"
        if decision is not None:
            by = "policy"
            made = decision.__dict__  # read in a fifth of the time of a model's attributes
            worker, number, pending, seen = made["worker"], made["number"], made["pending"], made["seen"]
            lineage = made["header"].__dict__["lineage"]
            age_ticks = self._tick - (-1 if lineage is None else lineage.tick)
            age_ns = None if lineage is None else began_ns - lineage.stamp_ns
        values = {
            "header": OWNED,
            "tick": self._tick,
            "episode": self._episode,
            "action": action,
            "by": by,
            "worker": worker,
            "decision": number,
            "age_ticks": age_ticks,
            "age_ns": age_ns,
            "starting": choice.starting,
            "delay_ticks": choice.delay_ticks,
            "due_ns": due_ns,
            "lateness_ns": began_ns - due_ns,
            "work_ns": self._work_ns,
            "overruns": self._overruns,
            "slipped": self._slipped,
            "reward": 0.0 if step is None else step.reward,
            "arrived": self._arrived,
            "overwritten": choice.overwritten,
            "late": choice.late,
            "dropped": choice.dropped,
            "refused": self._refused_now,
            "sent": sent,
            "captured_age_ns": self._captured_age_ns,
            "pending": pending,
            "place": choice.place,
            "averaged": choice.averaged,
            "seen": seen,
        }
        # All but the actions is counted here, or comes from a received message.
        valid = type(action) is int and LEAST <= action <= MOST and sent is None
        applied = _applied_of(values) if valid else Applied(**values | {"header": UNSENT})
        self.applied.publish(applied, of=lineage)

    def _end_episode(self, step: Step) -> None:
        self._resets = True
        if step.reason is not None:
            self.ending.publish(
                Ending(
                    tick=self._tick,
                    episode=self._episode,
                    reason=step.reason,
                    encounter=step.encounter,
                    ticks=self._episode_ticks,
                    actions=self._episode_actions,
                    measurements=step.measurements,
                )
            )
        self.episode.publish(
            EpisodeEnd(
                tick=self._tick,
                episode=self._episode,
                ticks=self._episode_ticks,
                total_reward=self._episode_reward,
                terminated=step.terminated,
                truncated=step.truncated,
            )
        )
