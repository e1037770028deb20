"""``rtgraph screen mark``: Mark the corners of a screen in a camera's picture, and write them to a file. Without --corners or --click, it takes the largest bright rectangle."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rtgraph.launch.verbs.screen.opening import (
    SKIPPED,
    add_source,
    capturing,
    next_picture,
    point,
    write_picture,
)

if TYPE_CHECKING:
    from rtgraph.nodes.robot.screen.rectify import Image, Point

EXAMPLE = """\
examples:
  rtgraph screen mark 0 --out screen.yaml
  rtgraph screen mark 0 --out screen.yaml --click
  rtgraph screen mark http://camera.local/stream --out screen.yaml --corners 63,22 431,35 420,331 52,318

In an existing file, only the corners change.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph screen mark`` to its parser."""
    add_source(parser)
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help="the file to write")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--corners", metavar="X,Y", type=point, nargs=4, help="the four corners, in any order")
    how.add_argument("--click", action="store_true", help="click the corners in a window")
    parser.add_argument("--picture", metavar="PNG", type=Path, help="also write the rectified picture")
    parser.add_argument("--json", action="store_true", help="print the corners as JSON")


def run(args: argparse.Namespace) -> int:
    """Find the corners of the screen, and write them to the file."""
    # Imported late, so that --help is instant.
    from rtgraph.launch.console.printing import print_json  # noqa: PLC0415
    from rtgraph.nodes.robot.screen.file import ScreenFile  # noqa: PLC0415
    from rtgraph.nodes.robot.screen.rectify import find_corners, in_order  # noqa: PLC0415

    with capturing(args.source) as capture:
        image = next_picture(capture, SKIPPED).image
    if args.click:
        corners = in_order(_clicked(image))
    else:
        corners = find_corners(image) if args.corners is None else in_order(args.corners)
    before = ScreenFile.read(args.out) if args.out.exists() else ScreenFile()
    size = image.shape[1], image.shape[0]
    found = before.changed(args.out, corners=corners, camera_size=size)
    if args.picture is not None:
        write_picture(args.picture, found.rectifier()(image))
    found.write(args.out)
    if args.json:
        print_json({"file": str(args.out), "corners": corners, "camera_size": size})
    else:
        print(f"{args.out}: corners {'  '.join(f'{x:g},{y:g}' for x, y in corners)}")
    return 0


def _clicked(image: Image) -> list[Point]:
    """Show the picture in a window until the user has clicked four points, and return these points.

    Raises:
        RobotError: the user closed the window before the fourth click.
    """
    from rtgraph.msgs.errors import RobotError  # noqa: PLC0415 - so that --help is instant
    from rtgraph.msgs.typed.extras import needed_by  # noqa: PLC0415

    with needed_by("a window"):
        import pygame  # noqa: PLC0415 - optional
    pygame.init()
    try:
        window = pygame.display.set_mode((image.shape[1], image.shape[0]))
        pygame.display.set_caption("click the four corners of the screen")
        window.blit(pygame.surfarray.make_surface(image.swapaxes(0, 1)), (0, 0))
        pygame.display.flip()
        points: list[Point] = []
        while len(points) < 4:
            event = pygame.event.wait()
            if event.type == pygame.QUIT:
                raise RobotError(
                    f"the window was closed after {len(points)} of 4 corners were clicked",
                    hint="click all corners, or give --corners",
                )
            if event.type == pygame.MOUSEBUTTONDOWN:
                points.append((float(event.pos[0]), float(event.pos[1])))
                pygame.draw.circle(window, (255, 0, 0), event.pos, 4)
                pygame.display.flip()
    finally:
        pygame.quit()
    return points
