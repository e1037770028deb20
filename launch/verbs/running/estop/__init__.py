"""``rtgraph estop``: stop the robots of running launches at once, until a reset. It imports nothing heavy."""

from __future__ import annotations

import argparse
import sys

from rtgraph.launch.host.estop import ask, runtime_folders

EXAMPLE = """\
examples:
  rtgraph estop            stop every robot of every launch of yours
  rtgraph estop arm        ... of one launch
  rtgraph estop --reset    allow motion again
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "session", nargs="?", metavar="SESSION", help="name, process or folder of a launch (default: all)"
    )
    parser.add_argument("--reset", action="store_true", help="allow motion again")


def run(args: argparse.Namespace) -> int:
    """Ask every robot, and print what it answers."""
    request = "reset" if args.reset else "stop rtgraph estop"
    answers = [answer for folder in runtime_folders(args.session) for answer in ask(folder, request)]
    for answer in answers:
        print(answer)
    if not answers:
        problem = "no robot answers" if args.session is None else f"no robot of {args.session!r} answers"
        print(f"error: {problem}. hint: is the launch running, and is it yours?", file=sys.stderr)
        return 1
    return 0
