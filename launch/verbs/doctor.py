"""``rtgraph doctor``: reports what this machine can do, and what is missing."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

EXAMPLE = """\
example:
  rtgraph doctor --json
"""
STYLES = {"ok": "green", "note": "yellow", "missing": "red"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph doctor`` to its parser."""
    parser.description = (
        "Check whether this machine can run a realtime graph. Exit code 1 if something is missing."
    )
    parser.epilog = EXAMPLE
    parser.add_argument("--json", action="store_true", help="print a JSON list")


def run(args: argparse.Namespace) -> int:
    """Check this machine, and print the findings."""
    from rtgraph.launch.diagnosis import diagnose  # noqa: PLC0415 - so that --help is instant

    if args.json:
        findings = diagnose()
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        from rich.console import Console  # noqa: PLC0415
        from rich.markup import escape  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415

        from rtgraph.launch.console.tables import Printer  # noqa: PLC0415

        with Console(stderr=True).status("measuring"):
            findings = diagnose()
        table = Table(box=None, pad_edge=False)
        for title in ("", "found", "hint"):
            table.add_column(title, overflow="fold")
        for finding in findings:
            table.add_row(
                finding.what, f"[{STYLES[finding.state]}]{escape(finding.found)}[/]", escape(finding.hint)
            )
        Printer(highlight=False).print(table)
    return 1 if any(finding.state == "missing" for finding in findings) else 0
