"""``rtgraph bag export``: Convert a recording for other tools: Foxglove, Rerun, LeRobot, ROS 2, tables, numpy, films."""

from __future__ import annotations

import argparse
from pathlib import Path

from rtgraph.launch.console.typed import key_value
from rtgraph.launch.verbs.bag.options import add_recording, add_span

EXAMPLE = """\
examples:
  rtgraph bag export session/session.mcap --to npz
  rtgraph bag export session/session.mcap --to mp4 --topics screen --start 5 --duration 10
  rtgraph bag export session/session.mcap --to foxglove --out look.mcap
  rtgraph bag export session/session.mcap --to csv --topics observation --out run.csv
  rtgraph bag export session/session.mcap --to lerobot --option quality=23 --option task='box' --out dataset
  rtgraph bag export session/session.mcap --to rosbag2 --out bag
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph bag export`` to its parser."""
    from rtgraph.launch.bags.exporters import described_options, described_targets  # noqa: PLC0415

    targets = described_targets()
    add_recording(parser)
    parser.add_argument(
        "--to",
        required=True,
        choices=sorted(targets),
        metavar="TARGET",
        help="; ".join(f"{name}: {what}" for name, what in targets.items()),
    )
    parser.add_argument(
        "--out", type=Path, metavar="PATH", help="the output path (default: beside the recording)"
    )
    parser.add_argument(
        "--topics", action="extend", nargs="+", default=[], metavar="GLOB", help="export only these topics"
    )
    add_span(parser, "export")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        type=key_value,
        metavar="KEY=VALUE",
        help="; ".join(f"{key} ({name}): {what}" for name, key, what in described_options()),
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Convert the recording to another format, and report which contents of the recording this format cannot hold."""
    import json  # noqa: PLC0415 - so that --help is instant

    from rtgraph.launch.bags.exporters import chosen  # noqa: PLC0415
    from rtgraph.launch.console.status import ConsoleStatus  # noqa: PLC0415
    from rtgraph.launch.verbs.bag.opening import beside, opened, start_in  # noqa: PLC0415
    from rtgraph.msgs.bag.export import Selection  # noqa: PLC0415

    found = chosen(args.to)
    export, suffix = found.target.load(dict(args.option)), found.target.suffix
    bag = opened(args.file)
    ending = f"-foxglove{suffix}" if args.to == "foxglove" else suffix or f"-{args.to}"
    out = args.out or beside(args.file, ending)
    start_ns = start_in(bag, args.start)
    end_ns = None if args.duration is None else start_ns + round(args.duration * 1e9)
    with ConsoleStatus() as status, found.running():
        status.phase(f"exporting to {args.to}", 1.0)
        selection = Selection(
            tuple(args.topics), start_ns, end_ns, lambda share: status.progress(share, f"{share:.0%}")
        )
        report = export(bag, out, selection)
    if args.json:
        as_json = {
            "target": report.target,
            "files": [str(file) for file in report.files],
            "messages": report.messages,
            "left_out": [
                {"what": item.what, "why": item.why, "count": item.count} for item in report.left_out
            ],
            "remarks": list(report.remarks),
        }
        print(json.dumps(as_json, indent=2))
        return 0
    for file in report.files:
        print(file)
    print(f"{report.messages:,} messages")
    for item in report.left_out:
        print(f"left out: {item.what} ({item.count:,}): {item.why}")
    for remark in report.remarks:
        print(f"note: {remark}")
    return 0
