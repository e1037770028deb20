"""``rtgraph launch``: run a graph."""

from __future__ import annotations

import argparse
from pathlib import Path

from rtgraph.launch.arguments import add_file, load

EXAMPLE = """\
examples:
  rtgraph launch boxing --duration 30
  rtgraph launch boxing workers=8 stagger=maximum_time latency_frames=7 --duration 30
  rtgraph launch boxing --world virtual --ticks 3600 --seed 1

The session folder holds the plan, the logs of every node, trace.npz, plots and summary.json.
Ctrl-C stops the plant first and whatever records last.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = "Run a launch or graph file until it is done, its time is over, or Ctrl-C."
    parser.epilog = EXAMPLE
    add_file(parser)
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="the session folder (default: sessions/NAME-DATE-TIME)"
    )
    parser.add_argument("--no-plots", action="store_true", help="leave out the plots")
    parser.add_argument(
        "--tcp-port", type=int, metavar="PORT", help="use tcp on loopback from this port on, in place of ipc"
    )
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(args: argparse.Namespace) -> int:
    """Run the graph, print its summary, and return the launch's exit code."""
    # The heavy imports come after the arguments are known to be right.
    from rtgraph.launch.report import print_result  # noqa: PLC0415
    from rtgraph.launch.run import run as run_plan  # noqa: PLC0415
    from rtgraph.launch.status import ConsoleStatus  # noqa: PLC0415

    plan = load(args)
    with ConsoleStatus() as status:
        result = run_plan(plan, status, directory=args.out, plots=not args.no_plots, tcp_port=args.tcp_port)
    return print_result({plan.name: result}, as_json=args.json)
