"""The gate of a plant: which decision applies at a tick.

A gate is a plain object: each tick it receives the new decisions and chooses one. Three rules hold for all
gates. The newest *observation* wins, not the newest arrival (among equals the later arrival). A decision
never acts after a decision on a newer observation has acted. A decision made in one episode, or before a
restart of the plant (each restart begins a new incarnation), never acts in another.
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
    """The parameters of both gates."""

    # Plans from before the field lack it.
    max_age_ms: float | None = Field(default=None, gt=0, allow_inf_nan=False, exclude_if=operator.not_)
    """Maximum age of a decision's observation; older decisions never act, and count as late. Null for no maximum."""
    overlap: ChunkOverlap = Field(default="newest", exclude_if=lambda overlap: overlap == "newest")
    """What happens where the chunks of two decisions overlap. ``none``: a chunk ends before the next one begins. ``newest``:
    a new chunk replaces the old one at once. ``average``: the actions for a tick are averaged (discrete ones by a vote)."""
    decay: float = Field(default=0.01, allow_inf_nan=False, exclude_if=lambda decay: decay == 0.01)
    """m in the weights of averaged chunks, exp(-m·i) for the i-th chunk from the oldest (0) on, as in ACT (Zhao et al.,
    RSS 2023)."""


class LatestParams(_GateParams):
    """Apply the newest decision received since the last tick, once (the rule of Riemer et al., ICLR 2025)."""

    kind: Literal["latest"] = "latest"


class PlayoutParams(_GateParams):
    """Hold each decision until its observation is D ticks old, as packet audio holds packets against jitter.

    The age of a decision is the number of ticks since its observation. D is a quantile (0.99 by default) of the ages
    that the last 400 decisions had on arrival.
    """

    kind: Literal["playout"] = "playout"
    most_ticks: int | None = Field(default=None, ge=1)
    """Maximum of the delay D, in ticks; null for no maximum."""
    quantile: float = Field(default=QUANTILE, ge=0, lt=1, exclude_if=lambda quantile: quantile == QUANTILE)
    """D is this quantile of the ages, such as 0.99."""
    hold: Literal["always", "contended"] = Field(default="always", exclude_if=lambda hold: hold == "always")
    """``always``: hold every decision until its observation is D ticks old. ``contended``: hold it only while another decision
    could apply at the same tick: if successive decisions are on observations at least S ticks apart, D is S − 1 ticks less."""


GateParams = Annotated[LatestParams | PlayoutParams, Field(discriminator="kind")]


@dataclass(slots=True)
class Choice:
    """The gate's choice at a tick (None: the default behaviour β acts), and counts of other decisions."""

    decision: Decision | None = None
    overwritten: int = 0
    """Number of decisions that arrived in time, but a decision on a newer observation was chosen."""
    late: int = 0
    """Number of decisions that arrived after a decision on a newer observation had acted, or were older than ``max_age_ms``."""
    dropped: int = 0
    """Number of decisions that belonged to another episode or incarnation, or exceeded the maximum number of held decisions."""
    delay_ticks: int = 0
    too_old: int = 0
    """Number of the ``late`` decisions that were older than ``max_age_ms``."""
    delay_over: int = 0
    """The measured delay D of a playout gate, in ticks, if it exceeds its maximum; else 0."""
    starting: bool = False
    """Whether β acts because no decision on an observation of this episode can be due yet."""
    place: int = 0
    """The index of the decision's action in its chunk, from 0."""
    averaged: int = 0
    """Number of decisions over which the action is averaged; 0 if it is the action of one decision."""


class Gate(Protocol):
    """Chooses the decision that applies at each tick."""

    def begin(self, tick: int, episode: int, incarnation: int) -> int:
        """Begin an episode with its first observation at ``tick``.

        Return the number of held decisions that this drops.
        """
        ...

    def choose(self, tick: int, arrivals: Sequence[Decision]) -> Choice:
        """Choose the decision for a tick among the held ones and the ``arrivals`` since the previous tick, or choose none."""
        ...


def make_gate(params: LatestParams | PlayoutParams, period_ns: int) -> Gate:
    """Return the gate for the parameters and a plant with this time between two ticks."""
    most_age = None if params.max_age_ms is None else int(params.max_age_ms * 1e6 // period_ns)
    if isinstance(params, LatestParams):
        return LatestGate(most_age)
    bounds = [bound for bound in (params.most_ticks, most_age) if bound is not None]
    return PlayoutGate(
        min(bounds, default=None), most_age, params.quantile, contended=params.hold == "contended"
    )


class _EpisodeGate:
    """The common part of both gates: the current episode, and the newest observation applied in it.

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
        """Return the arrivals of this episode that may still act; count the others."""
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
    """The paper's rule: a decision acts at the next tick or never.

    An episode starts with its first decision.
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
    """Holds decisions until their observations are D ticks old.

    A decision that arrives after that acts at once, unless a decision on a newer observation has acted. An episode is
    starting until its first decision has acted or, if D is known, until D ticks have passed.
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
        """The quantile in ten-thousandths: an integer, so that no rounding error picks the neighbour of the right age."""
        self._contended = contended
        self._apart: deque[int] = deque(maxlen=AGES_KEPT)
        """Ticks between the observations of successive arrivals."""
        self._newest: int | None = None
        """The newest observation of the arrivals in this episode."""
        self._most_ticks = most_ticks
        self._held: list[Decision] = []
        self._ages: deque[int] = deque(maxlen=AGES_KEPT)
        self._delay: int | None = None
        """The delay D, in ticks; None before the first decision."""
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
        """Record the ticks between an arrival's observation and the newest observation of earlier arrivals."""
        if self._newest is not None:
            self._apart.append(abs(observed - self._newest))
        self._newest = observed if self._newest is None else max(self._newest, observed)


def observed_tick(decision: Decision) -> int:
    """Return the tick of the observation that a decision is based on."""
    # Dicts are read in a fifth of the time of a model's attributes.
    lineage = decision.__dict__["header"].__dict__["lineage"]
    return -1 if lineage is None else int(lineage.__dict__["tick"])


def _newest(decisions: Sequence[Decision]) -> Decision:
    newest = decisions[0]
    for decision in decisions[1:]:
        if observed_tick(decision) >= observed_tick(newest):
            newest = decision
    return newest
