"""A study of numbers, which counts what it computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rtgraph.launch.console.status import Silent
from rtgraph.launch.studies.engine.engine import Reproduced, reproduce
from rtgraph.launch.studies.study import Cell, Figures, ReportProgress, Row, Scale, Study, real
from rtgraph.msgs.errors import NodeError


@dataclass
class Square:
    """Squares a number, and counts how often it did."""

    number: int
    computed: list[int]
    fails: bool = False
    alone: bool = False
    seen: list[str] = field(default_factory=list)

    def identity(self) -> Mapping[str, object]:
        return {"number": self.number}

    def run(self, folder: Path, report: ReportProgress) -> Figures:
        self.seen += [path.name for path in folder.iterdir()]
        (folder / "half").touch()
        if self.fails:
            raise NodeError("too large", hint="use a smaller one")
        self.computed.append(self.number)
        report(1.0)
        return {"square": self.number**2, "digits": [1.0, 2.0]}


def study(works: Sequence[Square], later: Sequence[Square] = ()) -> Study:
    """A study of numbers; those of ``later`` are wanted once a square above 8 is known."""

    def cells(_: Scale, known: Sequence[Row]) -> list[Cell]:
        more = later if any(real(row["square"]) > 8 for row in known) else ()
        return [
            Cell({"number": work.number, "seed": place}, work) for place, work in enumerate((*works, *more))
        ]

    return Study(
        name="squares",
        title="squares",
        claim="",
        axes=("number", "seed"),
        figures=("square",),
        cells=cells,
        draw=lambda figure, rows: figure.text(0.5, 0.5, str(len(rows))) and None,
        seen=lambda rows: str(len(rows)),
        expected=dict.fromkeys(Scale, "1 s"),
    )


def ran(what: Study, out: Path, **options: object) -> Reproduced:
    return reproduce(what, Scale.QUICK, out, Silent(), jobs=1, **options)  # type: ignore[arg-type]
