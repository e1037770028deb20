"""``rtgraph demo``: shows the benefit of staggering in half a minute."""

from __future__ import annotations

import argparse

from rtgraph.launch.console.typed import above_zero
from rtgraph.launch.file_options import FOLDERS, folder

EXAMPLE = """\
example:
  rtgraph demo --duration 15
"""
UNTRAINED = "The network is untrained, its parameters are drawn at random: the reward says nothing, inaction and age do."
RUNS = {"sequential": "sequential", "paced": "boxing"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph demo`` to its parser."""
    parser.description = (
        "Play Boxing at 60 Hz with a network that takes 5.3 frames to answer: first with one worker, then with six "
        "staggered workers. Prints both summaries side by side."
    )
    parser.epilog = EXAMPLE
    parser.add_argument(
        "--duration", type=above_zero, default=15.0, metavar="S", help="seconds of each run (default: 15)"
    )
    parser.add_argument(
        "--out", type=folder, metavar="DIR", help="the parent folder of the two session folders"
    )
    parser.add_argument("--json", action="store_true", help="print the summaries as JSON")


def run(args: argparse.Namespace) -> int:
    """Launch one graph with a single worker and one with staggered workers, and print the results side by side."""
    from rtgraph.graphs import load_launch  # noqa: PLC0415 - so that --help is instant
    from rtgraph.launch.console.printing import printed  # noqa: PLC0415
    from rtgraph.launch.console.status import ConsoleStatus  # noqa: PLC0415
    from rtgraph.launch.report.final_report import draw_results, print_result  # noqa: PLC0415
    from rtgraph.launch.run import run as run_plan  # noqa: PLC0415

    results = {}
    with ConsoleStatus() as status:
        for title, launch in RUNS.items():
            plan = load_launch(launch, duration_s=args.duration, folders=FOLDERS)
            out = None if args.out is None else args.out / title
            results[title] = run_plan(plan, status, directory=out)
            if results[title].code:
                break
    code = print_result(results, as_json=args.json)
    if not args.json:
        printed(lambda: print(UNTRAINED))
    draw_results(results, quiet=args.json)
    return code
