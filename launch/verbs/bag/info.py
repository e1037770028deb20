"""``rtgraph bag info``: Show what a recording contains: duration, topics, gaps."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rtgraph.launch.verbs.bag.options import add_recording

if TYPE_CHECKING:
    from rtgraph.msgs.bag.bag import Bag

EXAMPLE = """\
examples:
  rtgraph bag info session/session.mcap
  rtgraph bag info session --json
  rtgraph bag info session --plan
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph bag info`` to its parser."""
    add_recording(parser)
    parser.add_argument("--plan", action="store_true", help="print only the plan of the recorded graph")
    parser.add_argument(
        "--check", action="store_true", help="read the whole recording and report every damaged part"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print what the recording contains."""
    from rtgraph.launch.console.printing import print_json  # noqa: PLC0415 - so that --help is instant
    from rtgraph.launch.verbs.bag.opening import opened  # noqa: PLC0415

    bag = opened(args.file, check=args.check)
    if args.plan:
        print(bag.plan_yaml or "", end="")
    elif args.json:
        print_json(described(bag))
    else:
        _print(bag)
    return 1 if args.check and bag.problems else 0


def described(bag: Bag) -> dict[str, Any]:
    """Return a description of a recording as JSON values: its duration, topics, lost messages and damage."""
    seconds = max(0, bag.end_ns - bag.start_ns) / 1e9
    return {
        "file": str(bag.path),
        "complete": bag.complete,
        "problems": list(bag.problems),
        "start_s": bag.start_ns / 1e9,
        "duration_s": seconds,
        "messages": sum(bag.counts.values()),
        "info": bag.info,
        "topics": [
            {
                "topic": channel.topic,
                "publisher": channel.publisher,
                "schema": channel.schema_name,
                "schema_hash": channel.schema_hash,
                "count": bag.counts.get(channel, 0),
                "rate_hz": round(bag.counts.get(channel, 0) / seconds, 3) if seconds else None,
                "lost": _lost(bag, channel.publisher, channel.topic),
            }
            for channel in bag.channels
        ],
        "attachments": sorted(bag.attachments()),
    }


def _lost(bag: Bag, publisher: str, topic: str) -> int | None:
    if bag.losses is None:
        return None
    return sum(row.lost for row in bag.losses.streams if (row.publisher, row.channel) == (publisher, topic))


def _print(bag: Bag) -> None:
    from rich.table import Table  # noqa: PLC0415

    from rtgraph.launch.console.tables import Printer  # noqa: PLC0415

    found = described(bag)
    console = Printer(highlight=False)
    world, name = bag.info.get("world", "?"), bag.info.get("name", "")
    files = [bag.path] if bag.path.is_file() else sorted(bag.path.glob("*.mcap"))
    size_mib = sum(file.stat().st_size for file in files) / 2**20
    console.print(
        f"[bold]{bag.path}[/bold]  {name} ({world}), {found['duration_s']:.3f} s, "
        f"{found['messages']:,} messages, {size_mib:,.1f} MiB{'' if bag.complete else ', unfinished'}"
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("topic", "publisher", "schema"):
        table.add_column(column, overflow="fold")
    for column in ("count", "Hz", "lost"):
        table.add_column(column, justify="right")
    for row in found["topics"]:
        rate = "–" if row["rate_hz"] is None else f"{row['rate_hz']:,.2f}"
        lost = "?" if row["lost"] is None else f"{row['lost']:,}"
        table.add_row(row["topic"], row["publisher"], row["schema"], f"{row['count']:,}", rate, lost)
    console.print(table)
