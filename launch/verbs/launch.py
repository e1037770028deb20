"""``rtgraph launch``: run a graph."""

from __future__ import annotations

import argparse

from rtgraph.launch.arguments import add_file, folder, load, port

EXAMPLE = """\
examples:
  rtgraph launch boxing --duration 30
  rtgraph launch boxing workers=8 stagger=maximum_time latency_frames=7 --duration 30
  rtgraph launch boxing --world virtual --ticks 3600 --seed 1

The session folder holds the plan, the logs of every node, trace.npz, plots and summary.json
(of several plants, a trace and a folder of plots each).
Ctrl-C stops the plant first and whatever records last.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = "Run a launch or graph file until it is done, its time is over, or Ctrl-C."
    parser.epilog = EXAMPLE
    add_file(parser)
    parser.add_argument(
        "--out", type=folder, metavar="DIR", help="the session folder (default: sessions/NAME-DATE-TIME)"
    )
    parser.add_argument("--no-plots", action="store_true", help="leave out the plots")
    parser.add_argument(
        "--tcp-port", type=port, metavar="PORT", help="use tcp on loopback from this port on, in place of ipc"
    )
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(args: argparse.Namespace) -> int:
    """Run the graph, print its summary, and return the launch's exit code."""
    # The heavy imports come after the arguments are known to be right.
    from rtgraph.launch.report import draw_results, print_result  # noqa: PLC0415
    from rtgraph.launch.run import run as run_plan  # noqa: PLC0415
    from rtgraph.launch.status import ConsoleStatus  # noqa: PLC0415

    plan = load(args)
    with ConsoleStatus() as status:
        results = {plan.name: run_plan(plan, status, directory=args.out, tcp_port=args.tcp_port)}
    code = print_result(results, as_json=args.json)
    if not args.no_plots:
        draw_results(results, quiet=args.json)
    return code
