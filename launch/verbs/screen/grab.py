"""``rtgraph screen grab``: keep rectified pictures of the screen, to learn digits from."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from rtgraph.launch.console.typed import whole
from rtgraph.launch.verbs.screen.opening import SKIPPED, add_source, capturing, next_picture

EXAMPLE = """\
example:
  rtgraph screen grab 0 --file screen.yaml --out shots --count 20 --every 2
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_source(parser)
    parser.add_argument("--file", metavar="FILE", type=Path, required=True, help="file of `screen mark`")
    parser.add_argument(
        "--out", metavar="FOLDER", type=Path, required=True, help="where to write 01.png, 02.png, …"
    )
    parser.add_argument("--count", metavar="N", type=whole, default=1, help="number of pictures (default: 1)")
    parser.add_argument("--every", metavar="SECONDS", type=float, default=1.0, help="pause (default: 1)")


def run(args: argparse.Namespace) -> int:
    """Write the pictures."""
    # Imported late, so that --help is instant.
    from PIL import Image  # noqa: PLC0415

    from rtgraph.nodes.robot.screen.file import ScreenFile  # noqa: PLC0415

    file = ScreenFile.read(args.file)
    rectify = file.rectifier()
    args.out.mkdir(parents=True, exist_ok=True)
    with capturing(args.source, file.camera_size) as capture:
        number = SKIPPED
        for index in range(1, args.count + 1):
            if index > 1:
                time.sleep(max(0.0, args.every))
            picture = next_picture(capture, number)
            number = picture.number
            path = args.out / f"{index:02d}.png"
            Image.fromarray(rectify(picture.image)).save(path)
            print(path, flush=True)
    return 0
