"""A slow construction of transitions from the whole history, one decision at a time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Happened:
    """All facts about one tick of a plant. ``decided_on`` is the tick of the observation that led to the action."""

    incarnation: int
    episode: int
    tick: int
    by: str
    action: int | None = None
    decided_on: int | None = None
    reward: float = 0.0
    terminated: bool = False
    truncated: bool = False
    observation_came: bool = True
    applied_came: bool = True

    @property
    def whole(self) -> bool:
        return self.observation_came and self.applied_came


@dataclass(frozen=True)
class Expected:
    """A transition; observations are given by incarnation and tick."""

    observation: tuple[int, int]
    action: int
    reward: float
    next_observation: tuple[int, int]
    discount: float
    ticks: int
    decisions: int
    by_default: bool


def transitions(
    history: list[Happened],
    gamma: float,
    learn_default: bool = False,
    n_step: int = 1,
    clip_rewards: float = float("inf"),
) -> list[Expected]:
    """Return the transitions of a history, in the order of the decisions."""
    at = {(tick.incarnation, tick.tick): tick for tick in history}

    def after(tick):
        following = at.get((tick.incarnation, tick.tick + 1))
        return following if following and following.episode == tick.episode else None

    def decides(tick):
        return tick.by == "policy" or (learn_default and tick.by == "default")

    def frame(tick, number):
        seen = at.get((tick.incarnation, number))
        if seen and seen.episode == tick.episode and seen.observation_came:
            return (tick.incarnation, number)
        return None

    def decided_on(tick):
        return frame(tick, tick.decided_on if tick.by == "policy" else tick.tick - 1)

    def clipped(reward):
        sign = -1 if reward < 0 else 1
        return sign * clip_rewards if abs(reward) > clip_rewards else reward

    def one(tick):
        """Return the ticks of a decision's effect, its successor (a decision, or None), and the frame there."""
        if not tick.whole or decided_on(tick) is None:
            return None
        ticks, now = [tick], tick
        while True:
            if now.terminated:
                return ticks, None, frame(now, now.tick)
            if now.truncated:
                old = now.tick + 1 - (tick.tick - decided_on(tick)[1])
                return (ticks, None, frame(now, old)) if frame(now, old) else None
            now = after(now)
            if now is None or not now.whole:
                return None
            if decides(now):
                return (ticks, now, decided_on(now)) if decided_on(now) else None
            ticks.append(now)

    made = []
    for tick in history:
        if not decides(tick) or one(tick) is None:
            continue
        decision, ticks, count = tick, [], 0
        while decision is not None and count < n_step and (step := one(decision)) is not None:
            ticks += step[0]
            decision, reached = step[1:]
            count += 1
        made.append(
            Expected(
                observation=decided_on(tick),
                action=tick.action,
                reward=sum(gamma ** (each.tick - tick.tick) * clipped(each.reward) for each in ticks),
                next_observation=reached,
                discount=0.0 if ticks[-1].terminated else gamma ** len(ticks),
                ticks=len(ticks),
                decisions=count,
                by_default=tick.by == "default",
            )
        )
    return made
