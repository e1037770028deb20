"""``python -m tests.bench``: all benchmarks, as ratios to a peer measured in the same run.

A benchmark is a module in ``benchmarks`` with ``run(rounds, say) -> list[Row]``; adding the module is enough.
Progress goes to stderr, tables (or JSON) to stdout. Nothing fails for being slow: people judge the figures.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

import tests.bench.benchmarks
from tests.bench.rows import Row, Say, aims_of, table_of

ROOT = Path(__file__).parents[2]
ROUNDS = 5
Benchmark = Callable[[int, Say], list[Row]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the selected benchmarks and print their results."""
    names = sorted(module.name for module in pkgutil.iter_modules(tests.bench.benchmarks.__path__))
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Measure rtgraph beside its peers, in turn. All of it takes about ten minutes.",
        epilog="example: python -m tests.bench --only latency --rounds 3",
    )
    parser.add_argument(
        "--only", action="append", choices=names, metavar="NAME", help=f"one of {', '.join(names)}"
    )
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, metavar="N", help=f"rounds of each (default {ROUNDS})"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list of rows")
    args = parser.parse_args(arguments)
    # Child processes import from here too.
    os.chdir(ROOT)
    found = {name: _measured(name, max(1, args.rounds)) for name in args.only or names}
    if args.json:
        rows = [{"benchmark": name} | row.as_json() for name, rows in found.items() for row in rows]
        print(json.dumps(rows, indent=2))
        return
    console = Console(width=None if sys.stdout.isatty() else 160)
    for name, rows in found.items():
        console.print(table_of(name, rows), "")
    if any(row.aim for rows in found.values() for row in rows):
        console.print(aims_of(found))


def _measured(name: str, rounds: int) -> list[Row]:
    run: Benchmark = importlib.import_module(f"tests.bench.benchmarks.{name}").run
    console = Console(stderr=True, highlight=False)
    began = time.monotonic()
    if console.is_terminal:
        with console.status(name) as status:
            rows = run(rounds, lambda text: status.update(f"{name}: {text}"))
    else:
        rows = run(rounds, lambda text: print(f"{name}: {text}", file=sys.stderr, flush=True))
    console.print(f"{name}: done in {time.monotonic() - began:.0f} s")
    return rows


if __name__ == "__main__":
    main()
