"""``rtgraph reproduce``: repeats the experiments of the paper, and our own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rtgraph.launch.console.typed import count
from rtgraph.launch.file_options import folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rtgraph.launch.studies.engine.engine import Reproduced
    from rtgraph.launch.studies.study import Study

FOLDER = Path("studies")
SCALES = ("quick", "desk", "paper")
PROGRESS_EVERY_S = 15.0
"""Seconds between two lines of progress if the output is not a terminal."""
EXAMPLE = """\
examples:
  rtgraph reproduce --list
  rtgraph reproduce staggering
  rtgraph reproduce fig7 --scale desk
  rtgraph reproduce staggering --scale desk --only latency=const,norm5 workers=6,8
  rtgraph reproduce delay --scale desk --shard 1/2
  rtgraph reproduce delay --scale desk --join here.csv there.csv --no-compute

A study consists of cells: a cell is one run, with one combination of values on the study's axes.
A study runs its cells side by side and keeps each one that is done in the folder of --out: after Ctrl-C, or a crash, the
same command continues. The table is CSV, a row for each cell with the command that computes it. In the printed table and
the picture, [low, high] is the 95 % bootstrap interval over seeds. --shard computes a part on each of several machines, and
--join takes the rows of their tables for done.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph reproduce`` to its parser."""
    parser.description = "Reproduce a study: compute its cells, write a table and a picture."
    parser.epilog = EXAMPLE
    parser.add_argument("study", nargs="?", metavar="STUDY", help="a study of --list")
    parser.add_argument(
        "--list", action="store_true", help="list the studies, with the time that each scale takes"
    )
    parser.add_argument(
        "--scale",
        choices=SCALES,
        default="quick",
        help="quick: minutes (the default); desk: a night on two cores",
    )
    parser.add_argument(
        "--only",
        action="extend",
        nargs="+",
        default=[],
        metavar="AXIS=A,B",
        help="only the cells with these values",
    )
    parser.add_argument(
        "--shard", type=_shard, metavar="I/N", help="only the cells of shard I of N, one for each machine"
    )
    parser.add_argument(
        "--join",
        action="extend",
        nargs="+",
        type=Path,
        default=[],
        metavar="TABLE",
        help="tables (CSV) of this study and scale: their rows count as done",
    )
    parser.add_argument(
        "--no-compute", action="store_true", help="write the table and the picture of the cells that are done"
    )
    parser.add_argument(
        "--out", type=folder, metavar="DIR", help="the study's folder (default: studies/STUDY)"
    )
    parser.add_argument("--jobs", type=count, metavar="N", help="number of processes (default: one per core)")
    parser.add_argument(
        "--parquet",
        action="store_true",
        help="write the table as Parquet, too (pip install 'rtgraph[export]')",
    )
    parser.add_argument("--json", action="store_true", help="print the rows, or the list, as JSON")


def run(args: argparse.Namespace) -> int:
    """Run the study, i.e. a series of experiments, and print its table of results."""
    from rtgraph.launch.studies.registry import study_named  # noqa: PLC0415 - so that --help is instant
    from rtgraph.launch.studies.study import Scale  # noqa: PLC0415
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415
    from rtgraph.msgs.typed.extras import must_be_installed  # noqa: PLC0415

    if args.list:
        return _print_list(as_json=args.json)
    if args.study is None:
        raise GraphError("STUDY is missing", file="command line", hint="see rtgraph reproduce --list")
    if args.parquet:
        must_be_installed("pyarrow")  # else known only when the cells are computed
    study = study_named(args.study)
    from rtgraph.launch.studies.engine.chosen import Chosen, Shard  # noqa: PLC0415

    chosen = Chosen(_only(args.only), Shard(*args.shard) if args.shard else None)
    from rtgraph.launch.console.status import ConsoleStatus  # noqa: PLC0415
    from rtgraph.launch.studies.engine.engine import reproduce  # noqa: PLC0415

    out = args.out or FOLDER / study.name
    try:
        with ConsoleStatus(PROGRESS_EVERY_S) as status:
            found = reproduce(
                study,
                Scale(args.scale),
                out,
                status,
                chosen=chosen,
                join=args.join,
                compute=not args.no_compute,
                jobs=args.jobs,
            )
    except KeyboardInterrupt:
        print(f"interrupted: what is done stays in {out}, and the same command continues", file=sys.stderr)
        raise
    if args.parquet:
        from rtgraph.launch.studies.engine.table import write_parquet  # noqa: PLC0415

        write_parquet(found.table.with_suffix(".parquet"), study, found.rows)
    if args.json:
        from rtgraph.launch.console.printing import print_json  # noqa: PLC0415

        names = (*study.axes, *study.figures, *study.lists)
        print_json([{name: row.get(name) for name in names} for row in found.rows])
    else:
        _print_table(study, found)
    return 0


def _shard(text: str) -> tuple[int, int]:
    number, _, total = text.partition("/")
    digits = number.isdecimal() and total.isdecimal() and len(text) < 20
    if not (digits and 0 < int(number) <= int(total)):
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N, with I from 1 to N, such as 2/3")
    return int(number), int(total)


def _only(words: Sequence[str]) -> Mapping[str, Sequence[str]]:
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415

    found: dict[str, Sequence[str]] = {}
    for word in words:
        axis, equals, values = word.partition("=")
        if not equals or not axis or not all(values.split(",")):
            raise GraphError(
                f"--only {word!r} is not AXIS=A,B", file="command line", hint="such as --only seed=0,1"
            )
        if axis in found:
            raise GraphError(
                f"--only {axis!r} is given twice",
                file="command line",
                hint=f"list all values once: --only {axis}=A,B",
            )
        found[axis] = values.split(",")
    return found


def _print_list(*, as_json: bool) -> int:
    from rtgraph.launch.studies.registry import usable_studies  # noqa: PLC0415

    lines = [
        {
            "study": study.name,
            "title": study.title,
            **{str(scale): time for scale, time in study.expected.items()},
        }
        for study in usable_studies()
    ]
    if as_json:
        from rtgraph.launch.console.printing import print_json  # noqa: PLC0415

        print_json(lines)
        return 0
    from rtgraph.launch.console.tables import console, row, table  # noqa: PLC0415

    shown = table("study", "what it shows", *SCALES)
    for line in lines:
        row(shown, line["study"], line["title"], *(line.get(scale, "") for scale in SCALES))
    console().print(shown)
    return 0


def _print_table(study: Study, found: Reproduced) -> None:
    from rtgraph.launch.console.numbers import rounded  # noqa: PLC0415
    from rtgraph.launch.console.tables import console, row, table  # noqa: PLC0415
    from rtgraph.launch.studies.engine.table import SEED, averaged  # noqa: PLC0415

    places = [axis for axis in study.axes if axis != SEED]
    shown = table(*places, *study.figures, right=(*places, *study.figures))
    for line in averaged(study, found.rows):
        cells = (line[name] for name in (*places, *study.figures))
        row(
            shown,
            *(
                rounded(cell) if isinstance(cell, int | float) else "" if cell is None else str(cell)
                for cell in cells
            ),
        )
    out = console()
    out.print(shown)
    out.print(f"The paper: {study.claim}", markup=False, highlight=False)
    out.print(f"Seen here: {study.seen(found.rows)}", markup=False, highlight=False)
    if found.missing:
        out.print(f"{found.missing} more cells are not computed.", markup=False, highlight=False)
    for path in (found.table, found.picture):
        out.print(f"  {path}", markup=False, soft_wrap=True)
