"""``rtgraph reproduce``: repeats the studies that support the method."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

from rtgraph.launch.console.typed import count, counts, words

if TYPE_CHECKING:
    from rtgraph.launch.studies import staggering, theory

T = TypeVar("T")

EXAMPLE = """\
examples:
  rtgraph reproduce staggering --latencies const,norm5 --workers 6,8 --seeds 2
  rtgraph reproduce staggering --seeds 10 --json
  rtgraph reproduce theory
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = "Reproduce a study in virtual time and print its table."
    parser.epilog = EXAMPLE
    studies = parser.add_subparsers(dest="study", metavar="STUDY", required=True)
    one = studies.add_parser("staggering", help="inaction and age of every stagger method", epilog=EXAMPLE)
    one.formatter_class = argparse.RawDescriptionHelpFormatter
    one.add_argument("--seeds", type=count, default=10, metavar="N", help="runs per case (default: 10)")
    one.add_argument("--methods", type=words, metavar="A,B", help="only these methods")
    one.add_argument("--latencies", type=words, metavar="A,B", help="only these latencies")
    one.add_argument("--workers", type=counts, metavar="N,M", help="only these numbers of workers")
    one.add_argument("--ticks", type=count, metavar="N", help="the last tick (default: 20000)")
    other = studies.add_parser("theory", help="reward rates against Theorem 1", epilog=EXAMPLE)
    other.formatter_class = argparse.RawDescriptionHelpFormatter
    for study in (one, other):
        study.add_argument(
            "--jobs", type=count, metavar="N", help="number of processes (default: one per core)"
        )
        study.add_argument("--json", action="store_true", help="print a JSON list instead of the table")


def run(args: argparse.Namespace) -> int:
    """Run the study."""
    return _staggering(args) if args.study == "staggering" else _theory(args)


def _staggering(args: argparse.Namespace) -> int:
    from rtgraph.launch.studies import staggering  # noqa: PLC0415 - so that --help is instant
    from rtgraph.nodes.inference.stagger import stagger_names  # noqa: PLC0415

    methods = _known(args.methods, stagger_names(), "method")
    latencies = _known(args.latencies, tuple(staggering.LATENCIES), "latency")
    workers = args.workers or staggering.WORKERS
    cases = staggering.cases(methods, latencies, workers, args.seeds, args.ticks or staggering.JUDGED_TO)
    rows = list(_shown(staggering.study(cases, args.jobs), len(cases) // args.seeds))
    if args.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        _print_staggering(rows, methods)
    return 0


def _print_staggering(rows: list[staggering.StaggeringResult], methods: tuple[str, ...]) -> None:
    from rich.table import Table  # noqa: PLC0415

    found = {(row.latency, row.workers, row.method): row for row in rows}
    table = Table(
        title=f"share of ticks without a decision, and age of the observations acted on in ticks "
        f"(± standard deviation over {rows[0].seeds} seeds)"
    )
    table.add_column("latency")
    table.add_column("N", justify="right")
    for method in methods:
        table.add_column(f"{method}\ninaction", justify="right", no_wrap=True)
        table.add_column("\nage", justify="right", no_wrap=True)
    for latency, workers in dict.fromkeys((row.latency, row.workers) for row in rows):
        cells = []
        for method in methods:
            row = found[latency, workers, method]
            cells += [
                f"{row.inaction:.3f}±{row.inaction_seed_sd:.3f}",
                f"{row.age_mean:.2f}±{row.age_seed_sd:.2f}",
            ]
        table.add_row(latency, str(workers), *cells)
    _print(table)


def _theory(args: argparse.Namespace) -> int:
    from rtgraph.launch.studies import theory  # noqa: PLC0415 - so that --help is instant

    cases = theory.cases()
    rows = list(_shown(theory.study(cases, args.jobs), len(cases)))
    if args.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        _print_theory(rows)
    return 0


def _print_theory(rows: list[theory.TheoryResult]) -> None:
    from rich.table import Table  # noqa: PLC0415

    table = Table(title="reward per tick")
    for name in ("environment", "policy"):
        table.add_column(name)
    for name in ("p", "delay k", "interval", "measured", "predicted", "error", "paper's bound", "samples"):
        table.add_column(name, justify="right")
    for row in rows:
        beyond = " (beaten)" if row.predicted > row.paper_bound + 1e-12 else ""
        table.add_row(
            row.environment,
            row.policy,
            "–" if row.p is None else f"{row.p:g}",
            str(row.delay),
            str(row.interval),
            f"{row.measured:.5f}",
            f"{row.predicted:.5f}",
            f"{row.measured / row.predicted - 1:+.2%}",
            f"{row.paper_bound:.5f}{beyond}",
            f"{row.samples:,}",
        )
    _print(table)


def _shown(rows: Iterator[T], total: int) -> Iterator[T]:
    """Yield the rows, with a progress bar on stderr."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import track  # noqa: PLC0415

    yield from track(rows, "running", total, console=Console(stderr=True), transient=True)


def _print(table: object) -> None:
    from rtgraph.launch.console.tables import Printer  # noqa: PLC0415

    console = Printer(highlight=False)
    console.width = max(console.width, 128)  # a wrapped line is better than a cut figure
    console.print(table)


def _known(given: tuple[str, ...] | None, known: tuple[str, ...], what: str) -> tuple[str, ...]:
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415

    for name in given or ():
        if name not in known:
            raise GraphError(f"no {what} {name!r}", file="command line", hint=f"known are {', '.join(known)}")
    return given or known
