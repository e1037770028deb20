"""The gate of a plant chooses which decision applies at a tick.

A gate is a plain object: each tick it receives the new decisions and chooses one or none. These rules hold for all gates.
Of the decisions that may act at a tick, the decision on the newest *observation* wins, not the decision that arrived last.
Of several decisions on this observation, the last arrival wins. A decision never begins to act after a decision on a newer
observation has acted. A decision made in an earlier episode, or before a restart of the plant, never acts.
"""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from pydantic import Field

from rtgraph.msgs import Decision, Record
from rtgraph.msgs.inference import ChunkOverlap

AGES_KEPT = 400
QUANTILE = 0.99
MOST_HELD = 1024


class _GateParams(Record):
    """The parameters that both kinds of gate have, ``latest`` and ``playout``."""

    # Plans from before the field lack it.
    max_age_ms: float | None = Field(default=None, gt=0, allow_inf_nan=False, exclude_if=operator.not_)
    """Maximum age of a decision's observation. Decisions with an older observation never act, and count as late. Null for
    no maximum."""
    overlap: ChunkOverlap = Field(default="newest", exclude_if=lambda overlap: overlap == "newest")
    """What happens where two decisions have actions (chunks) for the same ticks. ``none``: a chunk ends before the next
    one begins. ``newest``: a new chunk replaces the old one at once. ``average``: the actions for a tick are averaged
    (discrete ones by a vote)."""
    decay: float = Field(default=0.01, allow_inf_nan=False, exclude_if=lambda decay: decay == 0.01)
    """The constant m in the weights of averaged chunks. The weight of the i-th chunk, from 0 for the oldest, is exp(-m·i),
    as in ACT (Zhao et al., RSS 2023)."""


class LatestParams(_GateParams):
    """Of the decisions received since the last tick, apply the one on the newest observation. The others never act.

    A decision without a chunk (actions for several ticks) acts for one tick. This is the rule of Riemer et al., ICLR 2025.
    """

    kind: Literal["latest"] = "latest"


class PlayoutParams(_GateParams):
    """Hold each decision until its observation is D ticks old, so that decisions apply at an even delay.

    Network audio holds packets in the same way, against jitter.

    The age of a decision is the number of ticks since its observation. D is a quantile (0.99 by default) of the ages
    that the last 400 decisions had on arrival.
    """

    kind: Literal["playout"] = "playout"
    most_ticks: int | None = Field(default=None, ge=1)
    """Maximum of the delay D, in ticks; null for no maximum. If ``max_age_ms`` is set, D is never longer than this age either."""
    quantile: float = Field(default=QUANTILE, ge=0, lt=1, exclude_if=lambda quantile: quantile == QUANTILE)
    """The delay D is this quantile of the ages that decisions had on arrival, such as 0.99."""
    hold: Literal["always", "contended"] = Field(default="always", exclude_if=lambda hold: hold == "always")
    """``always``: hold every decision until its observation is D ticks old. ``contended``: if the observations of successive
    decisions are nearly always at least S ticks apart, D is S − 1 ticks less, because such decisions do not compete for
    the same tick."""


GateParams = Annotated[LatestParams | PlayoutParams, Field(discriminator="kind")]


@dataclass(slots=True)
class Choice:
    """What the gate chose at a tick, and counts of the decisions that it did not choose.

    If ``decision`` is None, the default behaviour β acts.
    """

    decision: Decision | None = None
    overwritten: int = 0
    """Number of decisions that arrived in time but were not chosen. Instead, the gate chose a decision on a newer observation,
    a decision on the same observation that arrived later, or a person's decision."""
    late: int = 0
    """Number of decisions that were too late: a decision on a newer observation had acted, ``max_age_ms`` was exceeded, or
    (for robots) the measured delay D exceeded its maximum."""
    dropped: int = 0
    """Number of decisions from an earlier episode, from before a restart, without an observation, or beyond the maximum
    number of held decisions."""
    delay_ticks: int = 0
    too_old: int = 0
    """Number of the ``late`` decisions that were older than ``max_age_ms``."""
    delay_over: int = 0
    """The measured delay D, in ticks, if it exceeds its maximum (``most_ticks`` or ``max_age_ms``); else 0."""
    starting: bool = False
    """True until the first decision of the episode acts; with ``playout`` at most for D ticks, once D is known. Until then
    the default behaviour β acts, or a person."""
    place: int = 0
    """Which action of the decision applies, from 0, if the decision has actions for several successive ticks."""
    averaged: int = 0
    """Number of decisions over which the action is averaged; 0 if the action comes from one decision."""


class Gate(Protocol):
    """Chooses the decision that applies at each tick."""

    def begin(self, tick: int, episode: int, incarnation: int) -> int:
        """Begin an episode with its first observation at ``tick``. ``incarnation`` counts the restarts of the plant.

        All held decisions are dropped. Return their number.
        """
        ...

    def choose(self, tick: int, arrivals: Sequence[Decision]) -> Choice:
        """Choose the decision for a tick, or none. ``arrivals`` are the decisions that have arrived since the previous tick."""
        ...


def make_gate(params: LatestParams | PlayoutParams, period_ns: int) -> Gate:
    """Return the gate for these parameters. ``period_ns`` is the plant's time from tick to tick."""
    most_age = None if params.max_age_ms is None else int(params.max_age_ms * 1e6 // period_ns)
    if isinstance(params, LatestParams):
        return LatestGate(most_age)
    bounds = [bound for bound in (params.most_ticks, most_age) if bound is not None]
    return PlayoutGate(
        min(bounds, default=None), most_age, params.quantile, contended=params.hold == "contended"
    )


class _EpisodeGate:
    """What both kinds of gate share: the current episode, and the newest observation that an applied decision was based on.

    Args:
        most_age: the maximum age of a decision's observation, in ticks; None for no maximum.
    """

    _most_age: int | None = None

    def __init__(self, most_age: int | None = None) -> None:
        self._most_age = most_age
        self._episode = -1
        self._incarnation = -1
        self._began = 0
        self._applied = -1

    def begin(self, tick: int, episode: int, incarnation: int) -> int:
        self._episode, self._incarnation, self._began = episode, incarnation, tick
        self._applied = -1
        return 0

    def _is_old(self, decision: Decision, tick: int) -> bool:
        return self._most_age is not None and tick - observed_tick(decision) > self._most_age

    def _admitted(self, arrivals: Sequence[Decision], choice: Choice, tick: int) -> list[Decision]:
        """Return the new decisions that may still act in this episode. Count the other new decisions in ``choice``."""
        admitted = []
        for decision in arrivals:
            lineage = decision.header.lineage
            if lineage is None or (lineage.episode, lineage.incarnation) != (
                self._episode,
                self._incarnation,
            ):
                choice.dropped += 1
            elif self._is_old(decision, tick):
                choice.late += 1
                choice.too_old += 1
            elif lineage.tick < self._applied:
                choice.late += 1
            else:
                admitted.append(decision)
        return admitted


class LatestGate(_EpisodeGate):
    """The rule of Riemer et al. (ICLR 2025): a decision acts at the first tick after its arrival, or never.

    An episode counts as starting until its first decision acts.
    """

    def choose(self, tick: int, arrivals: Sequence[Decision]) -> Choice:
        choice = Choice()
        admitted = self._admitted(arrivals, choice, tick)
        if admitted:
            choice.decision = _newest(admitted)
            choice.overwritten = len(admitted) - 1
            self._applied = observed_tick(choice.decision)
        choice.starting = self._applied < 0
        return choice


class PlayoutGate(_EpisodeGate):
    """Holds decisions until their observations are D ticks old. D is computed from the ages that decisions had on arrival.

    A decision that arrives with an older observation acts at once, unless a decision on a newer observation has acted or acts now.
    ``Choice.starting`` is True until the first decision of the episode acts. Once D is known, ``starting`` is True for at most the
    first D ticks of the episode.
    """

    def __init__(
        self,
        most_ticks: int | None = None,
        most_age: int | None = None,
        quantile: float = QUANTILE,
        *,
        contended: bool = False,
    ) -> None:
        super().__init__(most_age)
        self._quantile = round(quantile * 10_000)
        """The quantile in ten-thousandths, as an integer. This avoids rounding errors when the delay is computed."""
        self._contended = contended
        self._apart: deque[int] = deque(maxlen=AGES_KEPT)
        """Ticks between the observations of successive decisions."""
        self._newest: int | None = None
        """The tick of the newest observation in this episode on which a decision has arrived."""
        self._most_ticks = most_ticks
        self._held: list[Decision] = []
        self._ages: deque[int] = deque(maxlen=AGES_KEPT)
        self._delay: int | None = None
        """The delay D, in ticks; None until D is first measured."""
        self._delay_over = 0

    def begin(self, tick: int, episode: int, incarnation: int) -> int:
        dropped = len(self._held)
        self._held.clear()
        self._newest = None
        super().begin(tick, episode, incarnation)
        return dropped

    def choose(self, tick: int, arrivals: Sequence[Decision]) -> Choice:
        choice = Choice()
        for decision in arrivals:
            lineage = decision.header.lineage
            if lineage is not None and (lineage.episode, lineage.incarnation) == (
                self._episode,
                self._incarnation,
            ):
                self._ages.append(tick - lineage.tick)
                if self._contended:
                    self._space(lineage.tick)
        if tick < 50 or tick % 20 == 0:
            self._measure()
        if self._held or arrivals:
            self._choose(tick, arrivals, choice)
        delay = self._delay
        choice.delay_ticks, choice.delay_over = delay or 0, self._delay_over
        choice.starting = self._applied < 0 and (delay is None or tick - self._began < delay)
        return choice

    def _choose(self, tick: int, arrivals: Sequence[Decision], choice: Choice) -> None:
        if self._most_age is not None:
            held = [decision for decision in self._held if not self._is_old(decision, tick)]
            choice.too_old = len(self._held) - len(held)
            choice.late += choice.too_old
            self._held = held
        self._held += self._admitted(arrivals, choice, tick)
        if len(self._held) > MOST_HELD:
            choice.dropped += len(self._held) - MOST_HELD
            del self._held[:-MOST_HELD]
        newest = tick - (self._delay or 0)
        if len(self._held) == 1:  # the usual case, without a loop
            observed = observed_tick(self._held[0])
            if observed <= newest:
                choice.decision, self._applied, self._held = self._held[0], observed, []
            return
        ripe = [decision for decision in self._held if observed_tick(decision) <= newest]
        if ripe:
            choice.decision = chosen = _newest(ripe)
            self._applied = observed_tick(chosen)
            before = len(self._held)
            # Another decision on the same observation may still act: only strictly older ones are ruled out.
            self._held = [d for d in self._held if d is not chosen and observed_tick(d) >= self._applied]
            choice.overwritten = before - 1 - len(self._held)

    def _measure(self) -> None:
        if self._ages:
            delay = self._quantile_of(self._ages)
            if self._apart:
                least = -self._quantile_of([-apart for apart in self._apart])
                delay = max(0, delay - max(0, least - 1))
            most = delay if self._most_ticks is None else self._most_ticks
            self._delay, self._delay_over = min(delay, most), delay if delay > most else 0

    def _quantile_of(self, values: Collection[int]) -> int:
        return sorted(values)[self._quantile * len(values) // 10_000]

    def _space(self, observed: int) -> None:
        """Record the ticks between the observation of a new decision and the newest observation of earlier decisions."""
        if self._newest is not None:
            self._apart.append(abs(observed - self._newest))
        self._newest = observed if self._newest is None else max(self._newest, observed)


def observed_tick(decision: Decision) -> int:
    """Return the tick of the observation that a decision is based on; -1 if the decision has no observation."""
    # Dicts are read in a fifth of the time of a model's attributes.
    lineage = decision.__dict__["header"].__dict__["lineage"]
    return -1 if lineage is None else int(lineage.__dict__["tick"])


def _newest(decisions: Sequence[Decision]) -> Decision:
    newest = decisions[0]
    for decision in decisions[1:]:
        if observed_tick(decision) >= observed_tick(newest):
            newest = decision
    return newest
