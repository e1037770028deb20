"""``rtgraph launch``: runs a graph."""

from __future__ import annotations

import argparse
import contextlib
import re
from collections.abc import Sequence
from pathlib import Path

from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.host.collection import without_collection
from rtgraph.launch.preparing import add_launch, prepared
from rtgraph.launch.process.server_process import EarlyServer

EXAMPLE = """\
examples:
  rtgraph launch boxing --duration 30
  rtgraph launch boxing workers=8 stagger=maximum_time latency_frames=7 --duration 30
  rtgraph launch boxing --world virtual --ticks 3600 --seed 1
  rtgraph launch boxing --world virtual --ticks 1000000 --checkpoint-every 600 --out sessions/long
  rtgraph launch --resume-world sessions/long

The session folder holds the plan, the log of every node, trace.npz, plots and summary.json
(with several plants, one trace and one folder of plots per plant).
Ctrl-C stops the plant first and the recorder last.
"""

_WITHOUT_SERVER = ("--help", "--resume-world", "--world virtual")
_VIRTUAL = re.compile(rb"^world: *virtual\b", re.MULTILINE)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph launch`` to its parser."""
    parser.description = "Run a launch or graph file until it is done, its duration is over, or Ctrl-C."
    parser.epilog = EXAMPLE
    add_launch(parser)
    parser.add_argument("--no-plots", action="store_true", help="draw no plots")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def begin(arguments: Sequence[str]) -> EarlyServer | contextlib.nullcontext[None]:
    """Return a context that starts the fork server, from which the processes of nodes are forked.

    It starts before the arguments are parsed, to save time. If the launch needs no fork server, the context yields None.
    """
    given = " ".join(arguments).replace("=", " ")
    needless = "-h" in arguments or any(text in given for text in _WITHOUT_SERVER)
    if "--world" not in given:
        needless = needless or any(map(_looks_virtual, arguments))
    return contextlib.nullcontext() if needless else EarlyServer()


def _looks_virtual(argument: str) -> bool:
    """Return whether an argument seems to name a launch file that runs in virtual time.

    To save time, the text of the file is searched, not parsed as YAML.
    """
    files = (*(folder / f"{argument}.yaml" for folder in FOLDERS), Path(argument))
    for file in files:
        with contextlib.suppress(OSError, ValueError):
            if file.is_file():
                return _VIRTUAL.search(file.read_bytes()) is not None
    return False


def run(args: argparse.Namespace, early: EarlyServer | None = None) -> int:
    """Run the graph, print the summary, and return the exit code of the launch."""
    with without_collection():
        launch = prepared(args, None if early is None else early.preload)
        # Slow imports wait until the arguments are known to be right, and the early server has work.
        from rtgraph.launch.console.status import ConsoleStatus  # noqa: PLC0415
        from rtgraph.launch.run import run as run_plan  # noqa: PLC0415

    with ConsoleStatus() as status:
        result = run_plan(
            launch.plan,
            status,
            directory=args.out,
            tcp_port=args.tcp_port,
            checkpoints=launch.checkpoints,
            early=early,
        )
        results = {launch.plan.name: result}
    # Not before the launch, which would start later.
    from rtgraph.launch.report.final_report import draw_results, print_result  # noqa: PLC0415

    code = print_result(results, as_json=args.json)
    if not args.no_plots:
        draw_results(results, quiet=args.json)
    return code
