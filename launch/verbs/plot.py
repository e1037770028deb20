"""``rtgraph plot``: draws the results of several sessions in one picture."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLE = """\
examples:
  rtgraph plot learning sessions/boxing-20260101-120000
  rtgraph plot learning seed0 seed1 seed2 --out boxing.png
  rtgraph plot learning staggered=a staggered=b sequential=c --out compared.png
  rtgraph plot wins staggered=a sequential=c

Sessions with the same label, such as runs with different seeds, are drawn as one curve: their mean and its 95 % interval.
Without labels, sessions with the same launch file and arguments share a curve.
"""
PICTURES = {
    "learning": "returns over frames, losses and values",
    "wins": "how many episodes were won over the time of the game",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph plot`` to its parser."""
    parser.description = "Draw the learning curves of sessions, or what they won."
    parser.epilog = EXAMPLE
    pictures = parser.add_subparsers(dest="picture", metavar="PICTURE", required=True)
    for name, drawn in PICTURES.items():
        picture = pictures.add_parser(name, help=f"draw {drawn}", epilog=EXAMPLE)
        picture.formatter_class = argparse.RawDescriptionHelpFormatter
        picture.add_argument(
            "sessions",
            nargs="+",
            metavar="[LABEL=]SESSION",
            help="a session folder, or its metrics/episodes.csv",
        )
        picture.add_argument(
            "--out",
            type=Path,
            default=Path(f"{name}.png"),
            metavar="FILE",
            help=f"the picture: .png, .svg or .pdf (default: {name}.png)",
        )
        picture.add_argument("--title", metavar="TEXT", help="the title of the picture")
        picture.add_argument("--json", action="store_true", help="print the drawn data as JSON")


def run(args: argparse.Namespace) -> int:
    """Draw the learning curves or the wins of several sessions into one picture, and print the path of the picture."""
    from rtgraph.launch.console.printing import print_json  # noqa: PLC0415
    from rtgraph.launch.plots import draw_learning, draw_won  # noqa: PLC0415
    from rtgraph.launch.report.session_groups import read_session_groups  # noqa: PLC0415 - so that --help is instant
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415

    if args.out.suffix not in (".png", ".svg", ".pdf"):
        raise GraphError(
            f"--out {args.out}: the format is unknown",
            file="command line",
            hint="end the name in .png, .svg or .pdf",
        )
    found = read_session_groups(args.sessions)
    title = args.title or found.title
    if args.picture == "wins":
        draw_won(found.groups, args.out, title=title)
    else:
        draw_learning(found.groups, args.out, title=title, lines=found.lines)
    if args.json:
        runs = {
            name: [
                {
                    "episodes": curve.returns.size,
                    "ticks": float(curve.episode_ticks[-1]) if curve.returns.size else 0,
                }
                for curve in curves
            ]
            for name, curves in found.groups.items()
        }
        print_json({"out": str(args.out), "runs": runs})
    else:
        print(args.out)
    return 0
