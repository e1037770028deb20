"""Make transitions from a plant's observations and applied actions. The *plant* is the environment or robot.

In real time a decision is based on one observation, and is applied some ticks later. On ticks without a decision the default
behaviour β acts, and the plant never waits: the delayed semi-MDP of Riemer et al. (ICLR 2025, Definition 1). So a transition begins
when a decision is *applied*, and ends when the next decision is applied. Its two observations are the ones on which these two
decisions are based.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from functools import partial

from rtgraph.msgs import Action, Applied, Observation
from rtgraph.msgs.errors import ReplayError
from rtgraph.nodes.replay.history import View
from rtgraph.nodes.replay.sampling.multi_step import MultiStep
from rtgraph.nodes.replay.transition import Frame, Transition

__all__ = ["Assembled", "Assembler", "Frame", "Transition"]


@dataclass(slots=True)
class Assembled:
    """Counts of an ``Assembler``: the transitions that it has made, and the decisions and messages that it left out."""

    transitions: int = 0
    decisions: int = 0
    """Number of applied decisions. Actions of the default behaviour β count if the agent learns from them."""
    default_ticks: int = 0
    """Number of ticks at which the default behaviour β acted, or at which no observation is as old as ``age_ticks``."""
    unowned_ticks: int = 0
    """Number of ticks with a reward that belongs to no decision. They precede the first decision of an episode, or follow a lost
    message or a decision that was left out.
    """
    cut: int = 0
    """Number of decisions without a transition, because the next decision is unknown: a message was lost, or the stream ended."""
    unknown: int = 0
    """Number of decisions left out because an observation that the agent saw is unknown, for example because it never arrived."""
    unpaired: int = 0
    """Number of messages without a counterpart. Each tick has two messages: an observation and an applied action."""


@dataclass(slots=True)
class _Open:
    """An applied decision, until the next decision is applied."""

    frame: Frame
    action: Action
    tick: int
    by_default: bool
    place: int
    """The number of the action in the decision's chunk (several actions of one decision), from 0."""
    discounted_reward: float = 0.0
    factor: float = 1.0
    """gamma^j, where j is the number of ticks since the decision was applied: the discount of the next reward."""


class Assembler:
    """Makes transitions from one plant's observations and applied actions.

    Each tick has two messages, an observation and an applied action. The two may arrive in either order, and one topic may be ahead
    of the other topic. Within a topic, messages arrive in the order of ticks. No transition spans a lost message, the end of an
    episode or a restart of the plant. ``counts`` says how many transitions were made, and what was left out.

    Args:
        gamma: the discount per tick.
        learn_default: make transitions also from the actions of the default behaviour β. Such an action counts as a decision
            based on the observation of the tick before; with ``age_ticks``, on the observation of that age.
        n_step: number of decisions that a transition spans; fewer at the end of an episode.
        clip_rewards: the largest size of a tick's reward; larger rewards are clipped before they are discounted and summed. None
            for no limit. Rewards that are not finite are kept, so that a buffer refuses their transitions.
        most_frames: maximum number of observations that wait for decisions.
        age_ticks: base each action on the observation that is this old when the action is applied, so that a slower agent can
            learn from a person's game. Actions at the first ticks of an episode are left out, because no observation is old
            enough. None for the observation that the decision was based on.
        view: what else the agent sees at a decision, besides one observation; None for nothing else.

    Raises:
        ReplayError: an argument is out of range.
    """

    def __init__(
        self,
        gamma: float,
        *,
        learn_default: bool = False,
        n_step: int = 1,
        clip_rewards: float | None = None,
        most_frames: int = 4096,
        age_ticks: int | None = None,
        view: View | None = None,
    ) -> None:
        if not 0.0 < gamma <= 1.0:
            raise ReplayError(f"gamma must be above 0 and at most 1, not {gamma}", hint="0.99 is usual")
        if clip_rewards is not None and not 0.0 < clip_rewards < math.inf:
            raise ReplayError(
                f"clip_rewards must be above 0 and finite, not {clip_rewards}",
                hint="1 is usual; None clips no rewards",
            )
        if most_frames < 2:
            raise ReplayError(
                f"most_frames must be at least 2, not {most_frames}", hint="the default is 4096"
            )
        if age_ticks is not None and not 1 <= age_ticks < most_frames:
            raise ReplayError(
                f"age_ticks must be from 1 to {most_frames - 1}, not {age_ticks}",
                hint="for a larger age, raise most_frames",
            )
        self._gamma = gamma
        self._learn_default = learn_default
        self._clip_rewards = clip_rewards
        self._most_frames = most_frames
        self._age_ticks = age_ticks
        self._chain = MultiStep(n_step)
        self._history = None if view is None else view.history()
        self._observations: deque[Observation] = deque()
        self._applied: deque[Applied] = deque()
        self._frames: dict[tuple[int, int], Frame] = {}
        """Frames (observations) by the plant's number of restarts and the tick. Frames too old for every future decision are removed."""
        self._oldest = (-1, -1)
        self._done = (-1, -1)
        """The newest tick with both messages: the plant's number of restarts, and the tick. Further messages of this tick are
        duplicates.
        """
        self._follows: tuple[int, int, int] | None = None
        """What comes next if no message is lost: the plant's number of restarts, the episode and the tick."""
        self._began = -1
        """The tick of the last reset, i.e. the first tick of its episode; -1 before the first reset."""
        self._open: _Open | None = None
        self.counts = Assembled()

    def observed(self, observation: Observation) -> list[Transition]:
        """Add an observation. Return the transitions that are complete with this message."""
        header = observation.header
        self._frames[header.incarnation, observation.tick] = Frame(
            header.source,
            header.incarnation,
            observation.episode,
            observation.tick,
            header.sequence,
            observation.value,
        )
        if len(self._frames) > self._most_frames:
            del self._frames[next(iter(self._frames))]
        self._observations.append(observation)
        if len(self._observations) > self._most_frames:
            self._observations.popleft()
            self.counts.unpaired += 1
        return self._advance()

    def applied(self, applied: Applied) -> list[Transition]:
        """Add the action applied at a tick. Return the transitions that are complete with this message."""
        self._applied.append(applied)
        if len(self._applied) > self._most_frames:
            self._applied.popleft()
            self.counts.unpaired += 1
        return self._advance()

    def finish(self) -> list[Transition]:
        """End the stream of messages. Return the remaining transitions, which span fewer than ``n_step`` decisions."""
        self.counts.unpaired += len(self._observations) + len(self._applied)
        self._observations.clear()
        self._applied.clear()
        self._follows = None
        return self._counted(self._cut())

    def _advance(self) -> list[Transition]:
        """Process each tick for which the observation and the applied action have both arrived. Return the completed transitions."""
        made: list[Transition] = []
        while self._observations and self._applied:
            observation, applied = self._observations[0], self._applied[0]
            seen = observation.header.incarnation, observation.tick
            done = applied.header.incarnation, applied.tick
            # If the ticks differ, the older message has lost its counterpart: topics keep their order.
            if seen <= done:
                self._observations.popleft()
            if done <= seen:
                self._applied.popleft()
            if seen == done and done > self._done:
                self._done = done
                made += self._tick(observation, applied)
            else:
                self.counts.unpaired += 1
        return self._counted(made)

    def _tick(self, observation: Observation, applied: Applied) -> list[Transition]:
        incarnation, tick = applied.header.incarnation, applied.tick
        place = (incarnation, applied.episode, tick)
        made = self._cut() if self._follows != place else []
        self._follows = (incarnation, applied.episode, tick + 1)
        if applied.by == "reset":
            self._oldest = (incarnation, tick)
            self._began = tick
            if self._history is not None:
                self._history.begin()
        elif self._age_ticks is not None and tick - self._age_ticks < self._began:
            self.counts.default_ticks += 1  # an agent with such old observations has none yet
        elif applied.by == "policy":
            made += self._decided(self._frame_of(applied), applied)
        else:
            self.counts.default_ticks += 1
            if self._learn_default:
                made += self._decided(self._frame(place, tick - (self._age_ticks or 1)), applied)
        if self._history is not None:
            self._history.applied(applied)
        self._earn(observation.reward, resets=applied.by == "reset")
        if observation.terminated or observation.truncated:
            made += self._end_episode(place, terminated=observation.terminated)
            self._follows = None
        self._forget()
        return made

    def _decided(self, frame: Frame | None, applied: Applied) -> list[Transition]:
        """End the transition of the previous decision, because a decision is applied. The applied decision begins a transition.

        If an observation that the agent saw is unknown, both decisions are left out. Return the completed transitions.
        """
        self.counts.decisions += 1
        if frame is not None and self._history is not None:
            place = applied.header.incarnation, applied.episode, applied.tick
            frame = self._history.decided(frame, applied, partial(self._frame, place))
        if frame is None:
            # There is no observation to bootstrap from, so the previous decision is lost as well.
            self.counts.unknown += 1
            return self._cut()
        made = self._close(frame, applied.tick, terminated=False)
        self._open = _Open(frame, applied.action, applied.tick, applied.by == "default", applied.place)
        if applied.by == "policy":
            # A gate never applies a decision on an older observation than one applied before.
            self._oldest = (frame.incarnation, frame.tick)
        return made

    def _earn(self, reward: float, *, resets: bool) -> None:
        if self._open is not None:
            if self._clip_rewards is not None and math.isfinite(reward):
                reward = min(max(reward, -self._clip_rewards), self._clip_rewards)
            self._open.discounted_reward += self._open.factor * reward
            self._open.factor *= self._gamma
        elif not resets:
            self.counts.unowned_ticks += 1

    def _end_episode(self, place: tuple[int, int, int], *, terminated: bool) -> list[Transition]:
        if self._open is None:
            return []
        after = place[2] + 1
        age = self._open.tick - self._open.place - self._open.frame.tick
        following = 0 if self._history is None else self._history.next_place(self._open.place)
        frame = self._frame(place, after - 1 if terminated else after - following - age)
        if frame is not None and (history := self._history) is not None:
            frame_at = partial(self._frame, place)
            frame = (
                history.nothing(frame)
                if terminated
                else history.after_last(frame, after, following, frame_at)
            )
        if frame is None:
            return self._cut()
        return self._close(frame, after, terminated=terminated) + self._chain.end()

    def _close(self, following: Frame, tick: int, *, terminated: bool) -> list[Transition]:
        decision, self._open = self._open, None
        if decision is None:
            return []
        ticks = tick - decision.tick
        step = Transition(
            observation=decision.frame,
            action=decision.action,
            discounted_reward=decision.discounted_reward,
            next_observation=following,
            discount=0.0 if terminated else self._gamma**ticks,
            ticks=ticks,
            by_default=decision.by_default,
        )
        return self._chain.push(step)

    def _cut(self) -> list[Transition]:
        """Drop the decision that waits for the next one, because its transition cannot be completed.

        Return the remaining n-step transitions, of the decisions before the dropped decision.
        """
        if self._open is not None:
            self.counts.cut += 1
            self._open = None
        return self._chain.end()

    def _frame_of(self, applied: Applied) -> Frame | None:
        """Return the frame (observation) that the applied decision is based on.

        If ``age_ticks`` is set, return instead the frame that has this age, in ticks, when the action is applied.
        Return None if the frame is unknown or of another episode.
        """
        lineage = applied.header.lineage
        place = (applied.header.incarnation, applied.episode, applied.tick)
        if self._age_ticks is not None:
            return self._frame(place, applied.tick - self._age_ticks)
        if lineage is None or (lineage.incarnation, lineage.episode) != place[:2]:
            return None
        if lineage.tick >= applied.tick:
            return None
        frame = self._frame(place, lineage.tick)
        if frame is None or (frame.source, frame.sequence) != (lineage.source, lineage.sequence):
            return None
        return frame

    def _frame(self, place: tuple[int, int, int], tick: int) -> Frame | None:
        incarnation, episode, now = place
        frame = self._frames.get((incarnation, tick))
        return frame if frame is not None and frame.episode == episode and tick <= now else None

    def _forget(self) -> None:
        """Drop the frames that are too old for every future decision."""
        while self._frames and (first := next(iter(self._frames))) < self._oldest:
            del self._frames[first]

    def _counted(self, made: list[Transition]) -> list[Transition]:
        self.counts.transitions += len(made)
        return made
