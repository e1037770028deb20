"""``rtgraph bag latency``: Fit the inference and transport times of a recording, and write a latency file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rtgraph.launch.verbs.bag.options import add_recording

if TYPE_CHECKING:
    from rtgraph.launch.latency.analysis import Latency

EXAMPLE = """\
examples:
  rtgraph bag latency session/session.mcap
  rtgraph launch boxing latency_file=session/session_latency/latency.yaml --world virtual
"""
_TITLES = {
    "inference": "Inference times",
    "pause": "Pauses between inferences",
    "transport": "Transport times",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph bag latency`` to its parser."""
    add_recording(parser)
    parser.add_argument(
        "--model",
        choices=("empirical", "best", "sequence"),
        default="empirical",
        help="what the file holds: the measured distributions (default), the best fits, or all durations in their order",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder of latency.yaml and the pictures (default: beside FILE)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Fit distributions to the durations in the recording, print and draw them, and write the latency file."""
    # Imported late, so that --help is instant.
    from rtgraph.graphs.reading.latency_file import write_latency_file  # noqa: PLC0415
    from rtgraph.launch.console.printing import print_json  # noqa: PLC0415
    from rtgraph.launch.latency.analysis import latencies_of, latency_file  # noqa: PLC0415
    from rtgraph.launch.latency.drawing import draw_latencies  # noqa: PLC0415
    from rtgraph.launch.latency.samples import durations_of, rate_of  # noqa: PLC0415
    from rtgraph.launch.verbs.bag.opening import beside, opened  # noqa: PLC0415
    from rtgraph.msgs.atomic import writing  # noqa: PLC0415
    from rtgraph.msgs.errors import LaunchError  # noqa: PLC0415

    folder: Path = args.out or beside(args.file, "_latency")
    found = durations_of(opened(args.file))
    latencies = latencies_of(found)
    with writing(folder, LaunchError):
        folder.mkdir(parents=True, exist_ok=True)
    file = folder / "latency.yaml"
    write_latency_file(latency_file(found, latencies, args.model, rate_of(found.plan)), file)
    by_what = {what: [one for one in latencies if one.what == what] for what in _TITLES}
    for what, title in _TITLES.items():
        if by_what[what]:
            draw_latencies(by_what[what], folder / f"{what}.png", title)
    if args.json:
        print_json({"file": str(file), "latencies": [one.as_json() for one in latencies]})
        return 0
    _print(latencies)
    if not by_what["transport"]:
        print("no transport times: a recording of the virtual world has them if its nodes keep journals")
    print(f"wrote {file}")
    return 0


def _print(latencies: list[Latency]) -> None:
    from rich.table import Table  # noqa: PLC0415

    from rtgraph.launch.console.tables import Printer  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("worker, or edge", overflow="fold")
    for column in ("count", "p50 ms", "p99 ms"):
        table.add_column(column, justify="right")
    for column in ("best fit", "measured by"):
        table.add_column(column, overflow="fold")
    for one in latencies:
        values = ", ".join(f"{name} {value:.3g}" for name, (value, _) in one.best.parameters.items())
        table.add_row(
            f"{one.name}: pause" if one.what == "pause" else one.name,
            f"{len(one.durations_ms):,}",
            f"{one.quantile_ms(0.5):,.3f}",
            f"{one.quantile_ms(0.99):,.3f}",
            f"{one.best.model.kind}: {values}",
            one.seen_by,
        )
    Printer(highlight=False).print(table)
