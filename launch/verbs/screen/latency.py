"""``rtgraph screen latency``: Press a button, wait until the picture changes, and print the end-to-end latency."""

from __future__ import annotations

import argparse
from pathlib import Path

from rtgraph.launch.console.typed import above_zero, count
from rtgraph.launch.verbs.screen.opening import add_source, capturing, region

TIMEOUT_S = 0.5
"""Maximum wait, in seconds, for an answer of the board that presses the buttons. In a launch the limit is shorter."""
EXAMPLE = """\
example:
  rtgraph screen latency 0 --file screen.yaml --port /dev/ttyACM0 --buttons LEFT,RIGHT --region 8,186,144,10

The region is part of the rectified picture. It must change with each button, and not otherwise.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph screen latency`` to its parser."""
    add_source(parser)
    parser.add_argument(
        "--file", metavar="FILE", type=Path, help="file of `screen mark` (default: the whole picture)"
    )
    parser.add_argument("--port", metavar="PATH", required=True, help="serial port of the buttons")
    parser.add_argument("--buttons", metavar="A,B", default="FIRE", help="pressed in turn (default: FIRE)")
    parser.add_argument(
        "--region", metavar="X,Y,W,H", type=region, help="where to look (default: everywhere)"
    )
    parser.add_argument(
        "--times", metavar="N", type=count, default=50, help="number of presses (default: 50)"
    )
    parser.add_argument(
        "--rate", metavar="HZ", type=above_zero, default=60.0, help="the plant's ticks per second"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Measure and print the end-to-end latency, from pressing a button to a changed camera picture."""
    # Imported late, so that --help is instant.
    from rtgraph.launch.console.printing import print_json  # noqa: PLC0415
    from rtgraph.nodes.robot.screen.buttons import SerialButtons  # noqa: PLC0415
    from rtgraph.nodes.robot.screen.file import ScreenFile  # noqa: PLC0415
    from rtgraph.nodes.robot.screen.latency import LatencyMeter  # noqa: PLC0415
    from rtgraph.nodes.runtime.clock import WallClock  # noqa: PLC0415

    file = ScreenFile() if args.file is None else ScreenFile.read(args.file)
    where = (0, 0, *file.size) if args.region is None else file.inside(args.region, "--region")
    buttons = SerialButtons(args.port, timeout_s=TIMEOUT_S)
    with capturing(args.source, file.camera_size) as capture:
        try:
            buttons.connect()
            meter = LatencyMeter(capture, buttons, file.rectifier(), where, WallClock().now_ns)
            found = meter.measure(args.buttons.split(","), args.times)
        finally:
            buttons.disconnect()
    middle, high = found.quantile_ms(0.5), found.quantile_ms(0.99)
    if args.json:
        print_json(
            {
                "p50_ms": middle,
                "p99_ms": high,
                "p50_frames": middle * args.rate / 1e3,
                "presses": len(found.each_ns) + found.missed,
                "missed": found.missed,
                "picture_ms": found.picture_ns / 1e6,
                "each_ms": [one / 1e6 for one in found.each_ns],
            }
        )
        return 0
    print(
        f"from a button to the picture: p50 {middle:.1f} ms, p99 {high:.1f} ms, {len(found.each_ns)} presses"
    )
    print(
        f"p50 is {middle * args.rate / 1e3:.1f} frames at {args.rate:g} Hz; a picture comes every {found.picture_ns / 1e6:.1f} ms"
    )
    if found.missed:
        print(f"{found.missed} presses changed nothing")
    return 0
