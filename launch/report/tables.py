"""Summaries for people: side by side in a table, or as one line."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from rich.table import Table
from rich.text import Text

from rtgraph.launch.console.numbers import NOTHING, percent, rounded, signed
from rtgraph.msgs import EndReason

Figures = Mapping[str, Any]
"""Measured results of a run, by name. ``lost`` counts lost messages by connection, and ``restarts`` counts restarts by node."""

MOST_NAMED = 3


def summary_table(figures: Mapping[str, Figures]) -> Table:
    """Return a table that compares the summaries of runs: one column per run, with the title of the run as its head.

    Some rows show which run is better. These rows are bold, and each value is followed by the difference from the first
    column. A missing value is shown as a dash.
    """
    columns = list(figures.values())
    caption = f"in parentheses: the difference from {next(iter(figures))}" if len(columns) > 1 else None
    table = Table(caption=Text(caption) if caption else None)
    table.add_column("")
    for title in figures:
        table.add_column(Text(title), justify="right")
    learned = any(column.get("learning") for column in columns)
    any_endings = any(column.get("endings") for column in columns)
    captured, aware = _captured(columns), any(column.get("pending") for column in columns)
    person = (_Row("ticks commanded by a person", _by_a_person),)
    for section in (
        *_SECTIONS[:-1],
        *((person,) if any(_by_a_person(column) != NOTHING for column in columns) else ()),
        *((captured,) if captured else ()),
        *((_AWARE,) if aware else ()),
        *((_ENDINGS,) if any_endings else ()),
        *((_LEARNING,) if learned else ()),
        _SECTIONS[-1],
    ):
        for row in section:
            cells = [row.cell(column, columns[0]) for column in columns]
            table.add_row(Text(row.label), *cells, style="bold" if row.better else None)
        table.add_section()
    return table


def plants_of(summary: Figures) -> Mapping[str, Figures]:
    """Return the results of each environment or robot, by title; empty if the launch has only one."""
    return _part(summary, "plants")


def count_of(figures: Figures, key: str) -> str:
    """Describe the counts under ``key`` in one line: the sum of the counts, and the greatest counts with their names."""
    total, *named = _counts(key)(figures).split("\n")
    return f"{total} ({', '.join(named)})" if named else total


def headline(figures: Figures) -> str:
    """Describe a run in one line, such as "inaction 0.4 %, age 6.1 ± 0.2 ticks, tick lateness p99 0.31 ms"."""
    return ", ".join(
        (
            f"inaction {_inaction(figures)}",
            f"age {_unit(_mean_sd(_part(figures, 'age_ticks')), 'ticks')}",
            f"tick lateness p99 {_unit(rounded(_at(figures, 'tick_lateness_ms', 'p99')), 'ms')}",
        )
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table that compares runs. ``text`` returns the text that the row shows for a run.

    Some rows show which run is better. They also have a ``value`` to compare; ``better`` is 1 if a greater value is better,
    and -1 if a smaller value is better.
    """

    label: str
    text: Callable[[Figures], str]
    value: Callable[[Figures], float | None] | None = None
    better: int = 0
    unit: str = ""

    def cell(self, figures: Figures, baseline: Figures) -> Text:
        """Return the text of this row for a run. If the row has a ``value``, add the difference from the baseline run."""
        text = Text(self.text(figures))
        if self.value is None or figures is baseline:
            return text
        value, reference = self.value(figures), self.value(baseline)
        if value is None or reference is None or value == reference:
            return text
        difference = value - reference
        return text.append(
            f" ({signed(difference)}{self.unit})", style="green" if difference * self.better > 0 else "red"
        )


def _part(figures: Figures, *keys: str) -> Figures:
    for key in keys:
        figures = figures.get(key) or {}
    return figures


def _at(figures: Figures, *keys: str) -> float | None:
    found: float | None = _part(figures, *keys[:-1]).get(keys[-1])
    return found


def _unit(text: str, unit: str) -> str:
    return text if text == NOTHING else f"{text} {unit}"


def _number(*keys: str) -> Callable[[Figures], str]:
    return lambda figures: rounded(_at(figures, *keys))


def encounters_won(figures: Figures) -> str:
    """Describe the encounters of a game: how many were won, how many were tried, and which was tried last."""
    encounters = _part(figures, "encounters")
    if not encounters:
        return NOTHING
    won = sum(bool(one["won"]) for one in encounters.values())
    return f"{won} of {len(encounters)}, now {figures['newest_encounter']}"


def _numbers(parent: str, *keys: str) -> Callable[[Figures], str]:
    def text(figures: Figures) -> str:
        values = [_at(figures, parent, key) for key in keys]
        return NOTHING if None in values else " / ".join(map(rounded, values))

    return text


def _mean_sd(spread: Figures) -> str:
    mean, sd = _at(spread, "mean"), _at(spread, "sd")
    if mean is None or sd is None:
        return NOTHING
    decimals = 2 if 0 < sd < 0.05 else 1
    return f"{mean:,.{decimals}f} ± {sd:,.{decimals}f}"


def _spread(*keys: str) -> Callable[[Figures], str]:
    def text(figures: Figures) -> str:
        spread = _part(figures, *keys)
        p99 = _at(spread, "p99")
        return _mean_sd(spread) if p99 is None else f"{_mean_sd(spread)}, {rounded(p99)}"

    return text


def _captured(columns: Sequence[Figures]) -> tuple[_Row, ...]:
    """Return a row for each part of the observations that has a capture time, such as a camera picture.

    The row has the time from the capture to the tick.
    """
    parts = dict.fromkeys(name for column in columns for name in _part(column, "captured_age_ms"))
    return tuple(
        _Row(f"age of {name or 'observation'}, mean ± sd, p99 (ms)", _spread("captured_age_ms", name))
        for name in parts
    )


def _by_a_person(figures: Figures) -> str:
    """Return the number of ticks at which a person commanded a robot, and their share of all ticks, as a text."""
    robots = (_part(node, "robot") for node in _part(figures, "nodes").values())
    count, ticks = sum(robot.get("takeover_ticks", 0) for robot in robots), _at(figures, "ticks")
    return f"{rounded(count)}, {percent(100 * count / ticks)}" if count and ticks else NOTHING


def _rate_error(figures: Figures) -> str:
    error = _at(figures, "tick_rate_error")
    if error is None:
        return NOTHING
    return f"{signed(round(1e6 * error, 2))} ppm" if abs(error) < 1e-3 else f"{signed(100 * error)} %"


def _inaction_percent(figures: Figures) -> float | None:
    share = _at(figures, "inaction")
    return None if share is None else 100 * share


def _inaction(figures: Figures) -> str:
    return percent(_inaction_percent(figures))


def _share(*keys: str) -> Callable[[Figures], str]:
    def text(figures: Figures) -> str:
        share = _at(figures, *keys)
        return percent(None if share is None else 100 * share)

    return text


def _decisions(outcome: str) -> Callable[[Figures], str]:
    """Return a function that describes, for a run, how many decisions had the given outcome, and their share of all decisions."""

    def text(figures: Figures) -> str:
        count, made = _at(figures, "decisions", outcome), _at(figures, "decisions", "made")
        return f"{rounded(count)}, {percent(100 * count / made)}" if count and made else rounded(count)

    return text


def _inference(figures: Figures) -> str:
    workers = _part(figures, "inference_ms").values()
    medians = [worker["p50"] for worker in workers if worker["p50"] is not None]
    worst = [worker["p99"] for worker in workers if worker["p99"] is not None]
    return f"{rounded(statistics.median(medians))} / {rounded(max(worst))}" if medians and worst else NOTHING


def _reward(figures: Figures) -> float | None:
    return _at(figures, "reward", "sum")


def _reward_per_second(figures: Figures) -> float | None:
    reward, ticks, rate_hz = _reward(figures), _at(figures, "ticks"), _at(figures, "tick_rate_hz")
    return None if reward is None or not ticks or rate_hz is None else reward * rate_hz / ticks


def _counts(key: str) -> Callable[[Figures], str]:
    """Return a function that describes, for a run, the counts under ``key``.

    The first line is the sum of the counts. The next lines are the greatest counts with their names.
    """

    def text(figures: Figures) -> str:
        if key not in figures:
            return NOTHING
        counts = _part(figures, key)
        named = sorted(
            ((count, name) for name, count in counts.items() if count), key=lambda c: (-c[0], c[1])
        )
        lines = [
            rounded(sum(counts.values())),
            *(f"{name}: {rounded(count)}" for count, name in named[:MOST_NAMED]),
        ]
        if len(named) > MOST_NAMED:
            lines.append(f"and {len(named) - MOST_NAMED} more")
        return "\n".join(lines)

    return text


_DECISION_OUTCOMES = ("applied", "overwritten", "late", "dropped", "refused")
_SECTIONS: tuple[tuple[_Row, ...], ...] = (
    (
        _Row("ticks", _number("ticks")),
        _Row("tick rate (Hz)", _number("tick_rate_hz")),
        _Row("tick rate error", _rate_error),
        _Row("lateness p50 / p99 / max (ms)", _numbers("tick_lateness_ms", "p50", "p99", "max")),
        _Row("overruns", _number("overruns")),
        _Row("ticks given up", _number("slipped")),
        _Row("ticks missed", _number("missed")),
    ),
    (
        _Row("inaction", _inaction, _inaction_percent, -1, " points"),
        _Row("age, mean ± sd, p99 (ticks)", _spread("age_ticks")),
        _Row("age, mean ± sd, p99 (ms)", _spread("age_ms")),
        _Row("interval, mean ± sd (ticks)", _spread("interval_ticks")),
    ),
    (
        _Row("decisions made", _number("decisions", "made")),
        *(_Row(f"  {outcome}", _decisions(outcome)) for outcome in _DECISION_OUTCOMES),
        _Row("inference p50 / worst p99 (ms)", _inference),
    ),
    (
        _Row("reward", lambda figures: rounded(_reward(figures)), _reward, 1),
        _Row(
            "reward per second", lambda figures: rounded(_reward_per_second(figures)), _reward_per_second, 1
        ),
        _Row("episodes", _number("episodes", "count")),
        _Row("return, mean", _number("episodes", "return_mean")),
    ),
    (
        _Row("messages lost", _counts("lost")),
        _Row("messages unread", _counts("unread")),
        _Row("restarts", _counts("restarts")),
    ),
)
_AWARE = (_Row("pending actions known / of D", _numbers("pending", "known", "slots")),)
_ENDINGS = (
    *(
        _Row(f"episodes {reason.replace('_', ' ')}", _number("endings", reason))
        for reason in get_args(EndReason)
    ),
    _Row("encounters won", encounters_won),
)
"""Rows that are shown only if a plant says why its episodes ended."""
_LEARNING = (
    _Row("learning: episodes", _number("learning", "episodes")),
    _Row(
        "  return, last 100",
        _number("learning", "return_last"),
        lambda figures: _at(figures, "learning", "return_last"),
        1,
    ),
    _Row("  return, best", _number("learning", "return_best")),
    _Row("  return above 0, last 100", _share("learning", "positive")),
    _Row("  version", _number("learning", "version")),
    _Row("  updates", _number("learning", "updates")),
    _Row("  updates per tick", _number("learning", "updates_per_tick")),
    _Row("  updates / samples per second", _numbers("learning", "updates_per_s", "samples_per_s")),
    _Row("  loss, mean", _number("learning", "loss")),
    _Row("  Q, mean", _number("learning", "q_mean")),
    _Row("  delay of gradients, mean (versions)", _number("learning", "delay")),
    _Row("  staleness, mean (versions)", _number("learning", "staleness")),
    _Row("  explored", _share("learning", "explored")),
)
"""Rows that are shown only if a node learned."""
