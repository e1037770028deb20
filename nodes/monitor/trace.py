"""The trace of a run: a table of ticks and a table of decisions, stored by columns, and the statistics of these tables."""

from __future__ import annotations

import itertools
import operator
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from rtgraph.msgs import Applied, Decision, EpisodeEnd, WeightsVersion
from rtgraph.msgs.atomic import atomic_path
from rtgraph.msgs.errors import MetricsError
from rtgraph.nodes.monitor.capture_ages import CaptureAges
from rtgraph.nodes.monitor.columns import (
    BY,
    DECISIONS,
    DEFAULT,
    POLICY,
    RESET,
    TICKS,
    UNUSED,
    Column,
    columns_of,
)
from rtgraph.nodes.monitor.figures import (
    applied_count,
    earned,
    or_none,
    played,
    quantiles,
    rate,
    spread,
    staleness,
    starts,
)
from rtgraph.nodes.monitor.known_counts import KnownCounts
from rtgraph.nodes.runtime.clock import true_rate_hz

_READ = tuple({"number": "decision", "incarnation": "reward"}.get(name, name) for name in TICKS)
"""The fields to read from an ``Applied`` message, in the order of TICKS. In place of ``incarnation``, ``reward`` is read."""
_READ_FROM = operator.itemgetter(*_READ)
_CAPTURED = operator.itemgetter("captured_age_ns")
_MAYBE = ("age_ticks", "age_ns", "decision")
_MISSING = {None: -1}


class Trace:
    """The record of a run's ticks and decisions, from which the summary and the plots are made.

    The table of ticks has the columns ``tick episode by starting due_ns lateness_ns work_ns age_ticks age_ns delay_ticks arrived
    overwritten late dropped worker number refused incarnation reward``. The table of decisions has the columns ``worker number
    began_ns inference_ns stamp_ns observed_tick explored policy_version``. ``reward`` is float64, and all other columns are int64.
    −1 is a missing value. ``incarnation`` is the number of the plant's restarts, and ``worker`` an index of the list ``workers``.

    Args:
        whole: whether the trace begins at time 0. If the trace begins later, the number of ticks missed before is unknown.
    """

    def __init__(self, *, whole: bool = True) -> None:
        self.workers: list[str] = []
        self.missed = 0
        """Number of ticks that passed while the plant's process was down."""
        self._incarnation = 0
        self._next: int | None = 0 if whole else None
        """Number of the next tick if the plant is not restarted; None if unknown."""
        self._overruns: dict[int, int] = {}
        self._slipped: dict[int, int] = {}
        self._numbers: dict[str, int] = {}
        # One array of rows each: a row is added at once, in the order of TICKS and DECISIONS.
        self._ticks = array("q")
        self._rewards = array("d")
        self._decisions = array("q")
        self._versions = array("q")
        self._episodes: list[tuple[int, int, float]] = []
        self._captures = CaptureAges()
        self._known = KnownCounts()

    def world_state(self) -> dict[str, Any]:
        """Return the state that a checkpoint of the virtual world saves: all attributes by name, with arrays as numpy arrays."""
        return {k: np.array(v) if isinstance(v, array) else v for k, v in vars(self).items()}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the attributes saved in a checkpoint of the virtual world."""
        for name, value in state.items():
            rows = isinstance(value, np.ndarray)
            vars(self)[name] = (
                array("d" if value.dtype == np.float64 else "q", value.tobytes()) if rows else value
            )

    def applied(self, *messages: Applied) -> None:
        """Add a row for each message, i.e. for each tick. Many messages in one call take a third of the time of many calls."""
        # Dicts are read in a fifth of the time of a model's attributes.
        ticks = [message.__dict__ for message in messages]
        if not ticks:
            return
        incarnations = [tick["header"].__dict__["incarnation"] for tick in ticks]
        if any(map(_CAPTURED, ticks)):
            for row, captured in enumerate(map(_CAPTURED, ticks), len(self._rewards)):
                self._captures.take(row, captured)
        read = zip(*map(_READ_FROM, ticks), strict=True)
        columns: dict[str, Iterable[Any]] = dict(zip(_READ, read, strict=True))
        rewards = columns.pop("reward")
        # ``map`` runs these without a step in Python for each tick.
        columns["by"] = map(BY.__getitem__, columns["by"])
        workers = tuple(columns["worker"])
        numbers = {name: -1 if name is None else self._number(name) for name in dict.fromkeys(workers)}
        columns["worker"] = map(numbers.__getitem__, workers)
        for name in _MAYBE:
            values = tuple(columns[name])
            columns[name] = map(_MISSING.get, values, values)
        rows = zip(*columns.values(), incarnations, strict=True)
        self._ticks.extend(itertools.chain.from_iterable(rows))
        self._rewards.extend(rewards)
        # Within an incarnation, only the last tick counts.
        alike = incarnations.count(self._incarnation) == len(ticks)
        first = len(ticks) - 1 if alike else 0
        for tick, incarnation in zip(ticks[first:], incarnations[first:], strict=True):
            self._reached(tick, incarnation)

    def _reached(self, tick: dict[str, Any], incarnation: int) -> None:
        """Store the plant's counts of overruns and skipped ticks. After a restart, add the ticks that were missed to ``missed``.

        A restarted plant counts overruns and skipped ticks from 0, but numbers its ticks by the clock.
        """
        self._overruns[incarnation], self._slipped[incarnation] = tick["overruns"], tick["slipped"]
        if incarnation != self._incarnation and self._next is not None:
            self.missed += max(0, tick["tick"] - self._next)
        self._incarnation, self._next = incarnation, tick["tick"] + tick["slipped"] + 1

    def decided(self, message: Decision) -> None:
        """Add the row of a decision."""
        self._known.take(message)
        values = message.__dict__
        header = values["header"].__dict__
        lineage = header["lineage"]
        self._decisions.extend(
            (
                self._number(values["worker"]),
                *(values["number"], values["began_ns"], values["inference_ns"], header["stamp_ns"]),
                -1 if lineage is None else lineage.tick,
                *(values["explored"], values["policy_version"]),
            )
        )

    def announced(self, message: WeightsVersion) -> None:
        """Record the announcement of a version of the weights."""
        self._versions.extend((message.header.stamp_ns, message.version))

    def ended(self, message: EpisodeEnd) -> None:
        """Add the row of an episode that has ended."""
        self._episodes.append((message.episode, message.ticks, message.total_reward))

    @property
    def overruns(self) -> int:
        """Number of ticks that were still running when the next tick was due."""
        return sum(self._overruns.values())

    @property
    def slipped(self) -> int:
        """Number of ticks that the plant skipped to catch up with the clock."""
        return sum(self._slipped.values())

    def ticks(self) -> dict[str, Column]:
        """Return the columns of the table of ticks by name, (ticks,) each."""
        return columns_of(self._ticks, TICKS) | {"reward": np.array(self._rewards, dtype=np.float64)}

    def decisions(self) -> dict[str, Column]:
        """Return the columns of the table of decisions by name, (decisions,) each."""
        return columns_of(self._decisions, DECISIONS)

    def episodes(self) -> dict[str, Column]:
        """Return the columns ``number``, ``length`` and ``return`` of the finished episodes by name, (episodes,) each."""
        numbers, lengths, returns = zip(*self._episodes, strict=True) if self._episodes else ((), (), ())
        return {
            "number": np.array(numbers, np.int64),
            "length": np.array(lengths, np.int64),
            "return": np.array(returns, np.float64),
        }

    def figures(self, rate_hz: float | None = None, *, ticks_from: int = 0) -> dict[str, Any]:
        """Return statistics of the run, as JSON values by name.

        Statistics of ticks, rewards and ``pending`` are over the ticks from ``ticks_from`` on. Those of episodes, inference times and
        staleness are over the whole run, as are ``overruns``, ``slipped``, ``missed``, ``first_tick`` and the decisions ``made``.

        * ``inaction``: the share of ticks on which the default behaviour acted. Resets do not count, nor ticks at the start of an
          episode, before the first decision can arrive.
        * ``tick_rate_hz``: from a linear regression of start times on tick numbers.
        * ``tick_rate_error``: signed relative difference of ``tick_rate_hz`` from the nominal rate with a period rounded to ns.
        * ``staleness_versions``, if weights have versions: the newest announced version at a decision, minus the version used.
        * ``pending``, if an agent reads pending actions (decided but not yet applied): the number D of them that the agent reads
          (``slots``), the mean number that the agent knew at a decision (``known``), and the mean ``share`` of D that the agent knew.
          The first D observations of an episode do not count.
        * ``captured_age_ms``, if parts of observations have capture times: the time from capture to tick, by part.
        * Infinite and NaN rewards and returns are excluded from sums and means; ``not_finite`` is their number.
        """
        ticks = self.ticks()
        kept = {name: column[ticks["tick"] >= ticks_from] for name, column in ticks.items()}
        by, starting = kept["by"], starts(kept)
        judged = (by != RESET) & ~starting
        policy = by == POLICY
        found = rate(kept["tick"], kept["due_ns"] + kept["lateness_ns"])
        true = None if rate_hz is None else true_rate_hz(rate_hz)
        late_ms = kept["lateness_ns"] / 1e6
        seen = self.decisions()
        return {
            "ticks": int(by.size),
            "true_rate_hz": true,
            "tick_rate_hz": found,
            "tick_rate_error": None if found is None or true is None else found / true - 1,
            "tick_lateness_ms": quantiles(late_ms) | {"max": or_none(late_ms, np.max)},
            "tick_work_ms": quantiles(kept["work_ns"] / 1e6),
            "overruns": self.overruns,
            "slipped": self.slipped,
            "missed": self.missed,
            "first_tick": int(ticks["tick"][0]) if ticks["tick"].size else None,
            "inaction": float(np.mean(by[judged] == DEFAULT)) if judged.any() else None,
            "inaction_start": int(np.sum(starting)),
            "age_ticks": spread(kept["age_ticks"][policy]),
            "age_ms": spread(kept["age_ns"][policy] / 1e6),
            **self._captured_age_ms(ticks["tick"] >= ticks_from),
            "delay_ticks": int(kept["delay_ticks"][-1]) if by.size else 0,
            "decisions": {
                "made": int(seen["number"].size),
                "applied": applied_count({name: column[policy] for name, column in kept.items()}),
                **{name: int(np.sum(kept[name])) for name in UNUSED},
            },
            "interval_ticks": {name: spread(np.diff(kept["tick"][policy]))[name] for name in ("mean", "sd")},
            "inference_ms": self._inference(seen),
            **self._known.figures(ticks, ticks_from),
            **({"staleness_versions": staleness(seen, self._versions)} if self._versions else {}),
            "reward": earned(kept["reward"], by != RESET),
            "episodes": played(self.episodes()),
        }

    def save(self, path: Path) -> None:
        """Write the columns and the names of the workers to a .npz file. If writing fails, no incomplete file is left.

        The names of the columns begin with ``tick_``, ``decision_`` and ``episode_``. Two more tables exist only in some runs:

        * The age of a part of the observation at a tick: ``captured_row`` (index of the ``tick_`` columns), ``captured_part``
          (index of ``captured_parts``) and ``captured_age_ns``. Only if parts have capture times.
        * The pending actions (decided but not yet applied) at a decision: ``pending_observed_tick``, ``pending_slots`` (how many
          the agent reads) and ``pending_known`` (how many were known). Only if an agent reads pending actions.

        Raises:
            MetricsError: the file cannot be written.
        """
        columns = {f"tick_{name}": column for name, column in self.ticks().items()}
        columns |= {f"decision_{name}": column for name, column in self.decisions().items()}
        columns |= {f"episode_{name}": column for name, column in self.episodes().items()}
        if self._captures.parts:
            columns |= {f"captured_{name}": column for name, column in self._captures.columns().items()}
            columns["captured_parts"] = np.array(self._captures.parts, dtype=np.str_)
        columns |= {
            f"pending_{name}": column for name, column in self._known.columns().items() if column.size
        }
        with atomic_path(path, MetricsError) as partial, open(partial, "wb") as file:
            np.savez_compressed(file, workers=np.array(self.workers, dtype=np.str_), **columns)  # type: ignore[arg-type]

    def _captured_age_ms(self, kept: Column) -> dict[str, Any]:
        """Return ``{"captured_age_ms": {part: statistics}}``: statistics, in ms, of the age of each part of the observation.

        Return an empty dict if parts have no capture times.
        """
        ages_ns = self._captures.of_each(kept)
        return (
            {"captured_age_ms": {name: spread(ages / 1e6) for name, ages in ages_ns.items()}}
            if ages_ns
            else {}
        )

    def _number(self, worker: str) -> int:
        number = self._numbers.get(worker)
        if number is None:
            number = self._numbers[worker] = len(self.workers)
            self.workers.append(worker)
        return number

    def _inference(self, seen: dict[str, Column]) -> dict[str, dict[str, Any]]:
        by_worker = {
            name: seen["inference_ns"][seen["worker"] == number] / 1e6
            for name, number in self._numbers.items()
        }
        named = sorted(by_worker.items(), key=lambda item: (len(item[0]), item[0]))
        return {name: {**quantiles(times), "count": int(times.size)} for name, times in named}
