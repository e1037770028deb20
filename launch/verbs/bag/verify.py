"""``rtgraph bag verify``: Run nodes again on what they consumed, and check that they publish the same bytes as recorded.

A node's journal lists what the node consumed and published. Every recorded message is also compared with the journal of
its publisher. Recordings of virtual time hold journals by default, those of real time if the launch had --record. A
recording that was cut off is compared up to the end of each journal, and the messages after this end are counted. Exit
code 0: everything that could be compared is the same; 1: something differs, or a node could not be verified.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rtgraph.launch.verbs.bag.options import add_recording

if TYPE_CHECKING:
    from rtgraph.launch.bags.verdicts import Verification

EXAMPLE = """\
examples:
  rtgraph bag verify session/session.mcap
  rtgraph bag verify session/session.mcap --nodes inference 'worker/*'
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph bag verify`` to its parser."""
    add_recording(parser)
    parser.add_argument(
        "--nodes",
        action="extend",
        nargs="+",
        default=[],
        metavar="NODE",
        help="globs of nodes, or a package of node classes such as `inference` (default: all)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Run the recorded nodes again, compare what they publish with the recording, and print the result for each node."""
    import json  # noqa: PLC0415 - so that --help is instant

    from rtgraph.launch.bags.verification import verify  # noqa: PLC0415
    from rtgraph.launch.console.status import ConsoleStatus  # noqa: PLC0415
    from rtgraph.launch.verbs.bag.opening import opened  # noqa: PLC0415

    bag = opened(args.file)
    with ConsoleStatus() as status:
        status.phase("verifying", 1.0)
        found = verify(bag, args.nodes or ["*"], lambda share: status.progress(share, f"{share:.0%}"))
    if args.json:
        print(json.dumps(found.as_json(), indent=2))
    else:
        _print(found)
    return 0 if found.passed else 1


def _print(found: Verification) -> None:
    from rich.table import Table  # noqa: PLC0415

    from rtgraph.launch.console.tables import Printer  # noqa: PLC0415

    console = Printer(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("node", "outcome"):
        table.add_column(column)
    for column in ("consumed", "published", "until s"):
        table.add_column(column, justify="right")
    table.add_column("", overflow="fold")
    for verdict in found.nodes:
        name = f"{verdict.node}, incarnation {verdict.incarnation}" if verdict.incarnation else verdict.node
        table.add_row(
            name,
            verdict.outcome,
            f"{verdict.consumed:,}",
            f"{verdict.published:,}",
            f"{verdict.until_s:.3f}",
            verdict.note,
        )
    console.print(table)
    for difference in dict.fromkeys(found.differences[:20]):
        console.print(f"differs: {difference}", markup=False, soft_wrap=True)
    if len(found.differences) > 20:
        console.print(f"... and {len(found.differences) - 20:,} more differences")
    if found.unchecked:
        console.print(
            f"{found.unchecked:,} messages were not compared: they come after the end of their publisher's journal"
        )
    console.print(
        f"{'passed' if found.passed else 'not passed'}: {found.messages:,} messages compared with their "
        f"publishers' journals, {sum(v.published for v in found.nodes):,} published again"
    )
