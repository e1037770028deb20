"""``rtgraph screen grab``: Save rectified pictures of the screen, from which `learn-digits` learns."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from rtgraph.launch.console.typed import count, from_start
from rtgraph.launch.verbs.screen.opening import SKIPPED, add_source, capturing, next_picture, write_picture

EXAMPLE = """\
example:
  rtgraph screen grab 0 --file screen.yaml --out shots --count 20 --every 2
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph screen grab`` to its parser."""
    add_source(parser)
    parser.add_argument("--file", metavar="FILE", type=Path, required=True, help="file of `screen mark`")
    parser.add_argument(
        "--out", metavar="FOLDER", type=Path, required=True, help="where to write 01.png, 02.png, …"
    )
    parser.add_argument("--count", metavar="N", type=count, default=1, help="number of pictures (default: 1)")
    parser.add_argument(
        "--every",
        metavar="SECONDS",
        type=from_start,
        default=1.0,
        help="seconds between pictures (default: 1)",
    )


def run(args: argparse.Namespace) -> int:
    """Take pictures of the screen with the camera, rectify their perspective, and write them as PNG files."""
    # Imported late, so that --help is instant.
    from rtgraph.msgs.atomic import writing  # noqa: PLC0415
    from rtgraph.msgs.errors import RobotError  # noqa: PLC0415
    from rtgraph.nodes.robot.screen.file import ScreenFile  # noqa: PLC0415

    file = ScreenFile.read(args.file)
    rectify = file.rectifier()
    with writing(args.out, RobotError):
        args.out.mkdir(parents=True, exist_ok=True)
    with capturing(args.source, file.camera_size) as capture:
        number = SKIPPED
        for index in range(1, args.count + 1):
            if index > 1:
                time.sleep(args.every)
            picture = next_picture(capture, number)
            number = picture.number
            path = args.out / f"{index:02d}.png"
            write_picture(path, rectify(picture.image))
            print(path, flush=True)
    return 0
