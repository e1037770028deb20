"""``rtgraph bag recover``: Make a complete recording of a damaged or unfinished one, from all that can be read."""

from __future__ import annotations

import argparse
from pathlib import Path

from rtgraph.launch.verbs.bag.options import add_recording

EXAMPLE = """\
example:
  rtgraph bag recover session/session.mcap --out recovered.mcap
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph bag recover`` to its parser."""
    add_recording(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="the new file (default: NAME-recovered.mcap)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Recover the recording. If a part of the recording is lost, report it and return exit code 3."""
    import json  # noqa: PLC0415 - so that --help is instant

    from rtgraph.launch.console.status import ConsoleStatus  # noqa: PLC0415
    from rtgraph.launch.verbs.bag.opening import beside  # noqa: PLC0415
    from rtgraph.msgs.bag.writing.recover import recover  # noqa: PLC0415

    out = args.out or beside(args.file, "-recovered.mcap")
    with ConsoleStatus() as status:
        status.phase("recovering", 1.0)
        found = recover(args.file, out, progress=lambda share: status.progress(share, f"{share:.0%}"))
    code = 0 if found.complete else 3
    if args.json:
        report = {
            "file": str(found.path),
            "complete": found.complete,
            "messages": found.messages,
            "size_bytes": found.size_bytes,
            "attachments": list(found.attachments),
            "missing": found.missing,
            "undecodable": found.undecodable,
            "problems": list(found.problems),
            "losses": found.losses.as_json(),
        }
        print(json.dumps(report, indent=2))
        return code
    print(f"{found.path}: {found.messages:,} messages, {found.size_bytes / 2**20:,.1f} MiB")
    for problem in found.problems:
        print(f"  {problem}")
    if found.missing:
        print(f"  {found.missing:,} messages listed in the index could not be read")
    if found.losses.lost:
        print(f"  {found.losses.lost:,} messages are missing according to the publishers' sequence numbers")
    return code
