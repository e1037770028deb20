"""``rtgraph launch``: run a graph."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rtgraph.launch.arguments import add_file, folder, load, port
from rtgraph.launch.typed import above_zero

if TYPE_CHECKING:
    from rtgraph.graphs import Plan

EXAMPLE = """\
examples:
  rtgraph launch boxing --duration 30
  rtgraph launch boxing workers=8 stagger=maximum_time latency_frames=7 --duration 30
  rtgraph launch boxing --world virtual --ticks 3600 --seed 1
  rtgraph launch boxing --world virtual --ticks 1000000 --checkpoint-every 600 --out sessions/long
  rtgraph launch --resume-world sessions/long

The session folder holds the plan, the logs of every node, trace.npz, plots and summary.json
(of several plants, a trace and a folder of plots each).
Ctrl-C stops the plant first and whatever records last.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.description = "Run a launch or graph file until it is done, its time is over, or Ctrl-C."
    parser.epilog = EXAMPLE
    add_file(parser, optional=True)
    parser.add_argument(
        "--out", type=folder, metavar="DIR", help="the session folder (default: sessions/NAME-DATE-TIME)"
    )
    parser.add_argument("--no-plots", action="store_true", help="leave out the plots")
    parser.add_argument(
        "--tcp-port", type=port, metavar="PORT", help="use tcp on loopback from this port on, in place of ipc"
    )
    parser.add_argument(
        "--checkpoint-every",
        type=above_zero,
        metavar="S",
        help="write a checkpoint of the virtual world every so many of its seconds, and on Ctrl-C",
    )
    parser.add_argument(
        "--resume-world",
        type=folder,
        metavar="SESSION",
        help="go on from the newest checkpoint of this session; FILE may be left out",
    )
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(args: argparse.Namespace) -> int:
    """Run the graph, print its summary, and return the launch's exit code."""
    # The heavy imports come after the arguments are known to be right.
    from rtgraph.launch.report import draw_results, print_result  # noqa: PLC0415
    from rtgraph.launch.run import run as run_plan  # noqa: PLC0415
    from rtgraph.launch.status import ConsoleStatus  # noqa: PLC0415
    from rtgraph.launch.worlds import Checkpoints  # noqa: PLC0415
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415

    plan = _plan(args)
    wanted = Checkpoints(args.checkpoint_every, args.resume_world)
    if wanted != Checkpoints() and plan.world != "virtual":
        raise GraphError(
            "--checkpoint-every and --resume-world are for the virtual world", hint="--world virtual"
        )
    with ConsoleStatus() as status:
        result = run_plan(plan, status, directory=args.out, tcp_port=args.tcp_port, checkpoints=wanted)
        results = {plan.name: result}
    code = print_result(results, as_json=args.json)
    if not args.no_plots:
        draw_results(results, quiet=args.json)
    return code


def _plan(args: argparse.Namespace) -> Plan:
    """Return the plan that the command line asks for, or that of the session that is to go on."""
    from rtgraph.graphs import Plan  # noqa: PLC0415 - so that --help is instant
    from rtgraph.launch.worlds import plan_of  # noqa: PLC0415
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415

    if args.file is not None:
        return load(args)
    if args.resume_world is None:
        raise GraphError("no FILE is given", file="command line", hint="rtgraph launch boxing")
    others = ("world", "seed", "replay", "record", "no_record", "replace", "recorder")
    # A seed of 0 is given too.
    given = next((name for name in others if getattr(args, name) or type(getattr(args, name)) is int), None)
    if given is not None:
        raise GraphError(
            f"--{given.replace('_', '-')} changes the plan, and --resume-world goes on with the same",
            hint="only --ticks and --duration may differ",
        )
    plan = plan_of(args.resume_world)
    limits = {"ticks": args.ticks, "duration_s": args.duration}
    changed = {name: value for name, value in limits.items() if value is not None}
    return Plan.model_validate(plan.model_dump() | changed) if changed else plan
