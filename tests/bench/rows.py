"""Results of a benchmark: rows with our figure and a peer's figure of the same run, and tables of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from rich.table import Table
from rich.text import Text

NOTHING = "\N{EN DASH}"

Say = Callable[[str], None]
"""Reports what a benchmark is doing."""


@dataclass(frozen=True, slots=True)
class Aim:
    """Target of a row. It is shown beside the figure; missing it is not a failure."""

    wanted: str
    figure: Literal["ratio", "ours"] = "ratio"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: medians over rounds, and the lowest and highest ratio of a round."""

    case: str
    unit: str
    ours: float
    peer_name: str = ""
    peer: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    more_is_better: bool = False
    note: str = ""
    aim: Aim | None = None

    @classmethod
    def compared(
        cls, case: str, unit: str, ours: Sequence[float], peer_name: str, peer: Sequence[float], **more: Any
    ) -> Self:
        """Make a row from the figures of both sides, round by round."""
        mine, theirs = statistics.median(ours), statistics.median(peer)
        ratios = [one / other for one, other in zip(ours, peer, strict=True) if other]
        return cls(
            case,
            unit,
            mine,
            peer_name,
            theirs,
            mine / theirs if theirs else None,
            min(ratios, default=None),
            max(ratios, default=None),
            **more,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return asdict(self)


def table_of(name: str, rows: Sequence[Row]) -> Table:
    """Return a benchmark's rows as a table."""
    table = Table(title=Text(name, style="bold"), title_justify="left")
    table.add_column("case")
    for heading in ("ours", "peer", "ours/peer", "in any round"):
        table.add_column(heading, justify="right")
    for heading in ("unit", "better", "peer is", "note"):
        table.add_column(heading)
    for row in rows:
        table.add_row(
            *map(
                Text,
                (
                    row.case,
                    _figure(row.ours),
                    _figure(row.peer),
                    _figure(row.ratio),
                    NOTHING
                    if row.ratio_low is None
                    else f"{_figure(row.ratio_low)}…{_figure(row.ratio_high)}",
                    row.unit,
                    "more" if row.more_is_better else "less",
                    row.peer_name or NOTHING,
                    row.note,
                ),
            )
        )
    return table


def aims_of(found: Mapping[str, Sequence[Row]]) -> Table:
    """Return the rows that have an aim, with that aim."""
    table = Table(
        title=Text("aims", style="bold"), title_justify="left", caption="to read, not to pass or fail"
    )
    for heading in ("what", "figure", "aim"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for name, rows in found.items():
        for row in rows:
            if row.aim is not None:
                table.add_row(Text(f"{name}: {row.case}"), Text(_judged(row, row.aim)), Text(row.aim.wanted))
    return table


def _judged(row: Row, aim: Aim) -> str:
    if aim.figure == "ours":
        return f"{_figure(row.ours)} {row.unit}"
    return f"{_figure(row.ratio)} x {row.peer_name}"


def _figure(value: float | None) -> str:
    if value is None:
        return NOTHING
    size = abs(value)
    return f"{value:,.0f}" if size >= 1000 else f"{value:.1f}" if size >= 100 else f"{value:.3g}"
