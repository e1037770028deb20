"""What is printed at the end of a launch."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Mapping

from rich.console import Console

from rtgraph.launch.run import Result
from rtgraph.launch.summary import DONE, LOST
from rtgraph.launch.tables import headline, summary_table


def print_result(results: Mapping[str, Result], *, as_json: bool = False) -> int:
    """Print the summaries of one or more launches side by side, and return the worst exit code."""
    if as_json:
        summaries = {title: result.summary for title, result in results.items()}
        print(
            json.dumps(
                next(iter(summaries.values())) if len(summaries) == 1 else summaries, indent=2, sort_keys=True
            )
        )
    else:
        console = Console(highlight=False)
        console.print(summary_table({title: result.summary for title, result in results.items()}))
        for title, result in results.items():
            console.print(f"{title}: {headline(result.summary)}", markup=False, soft_wrap=True)
            if result.summary["world"] == "virtual":
                console.print(f"  {_speed(result)}", markup=False, soft_wrap=True)
            places = [result.session.directory, *result.plots]
            console.print("  " + "\n  ".join(map(str, places)), markup=False, soft_wrap=True)
    for title, result in results.items():
        for failure in result.failures:
            print(f"error: {title}: {failure}. hint: see {result.session.logs}", file=sys.stderr)
        if result.code == LOST:
            print(
                f"warning: {title}: messages were lost on the way to inputs that want them all",
                file=sys.stderr,
            )
    return max((result.code for result in results.values()), default=DONE)


def _speed(result: Result) -> str:
    """Say how fast virtual time went by, and in how much memory."""
    ticks, rate_hz = result.summary.get("ticks") or 0, result.summary.get("tick_rate_hz")
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    speed = f", {ticks / rate_hz / result.wall_s:,.1f} × real time" if rate_hz and result.wall_s else ""
    return f"{result.wall_s:,.1f} s of wall time{speed}, {peak_mib:,.0f} MiB at most"
