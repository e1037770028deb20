"""``rtgraph estop``: stops the robots of running launches at once, until a reset. It imports only small modules, to start fast."""

from __future__ import annotations

import argparse
import sys

from rtgraph.launch.host.estop import Running, ask, launches

EXAMPLE = """\
examples:
  rtgraph estop            stop every robot of every launch of yours
  rtgraph estop arm        ... of the launches with this name, process or folder
  rtgraph estop --reset    allow motion again

Each robot is printed with its launch and its state. The exit code is 0 if every robot has answered, else 1. It is no
safety function: have a switch in reach that cuts the power of the motors.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph estop`` to its parser."""
    parser.description = "Stop the robots of running launches at once, until a reset."
    parser.epilog = EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "session", nargs="?", metavar="SESSION", help="name, process or folder of a launch (default: all)"
    )
    parser.add_argument("--reset", action="store_true", help="allow motion again")


def run(args: argparse.Namespace) -> int:
    """Ask every robot of the selected launches to stop or, after a stop, to allow motion again. Print the answers."""
    found = list(launches())
    asked = [one for one in found if args.session is None or one.is_called(args.session)]
    answers = ask(asked, "reset" if args.reset else "stop rtgraph estop")
    for answer in answers:
        if answer.text is not None:
            print(f"{answer.launch}: {answer.text}")
    silent = [answer.launch for answer in answers if answer.text is None]
    for launch in silent:
        _fail(f"{launch}: a robot does not answer", "cut the power of its motors")
    if not answers:
        _fail(*_why_none(args.session, asked, found))
    return 1 if silent or not answers else 0


def _why_none(session: str | None, asked: list[Running], found: list[Running]) -> tuple[str, str]:
    """Return the reason why there was no robot to ask, and a hint."""
    living = [one.name for one in found if one.lives]
    if not living:
        return "no launch of yours is running", "start one; run as the user who started it"
    running = ", ".join(living)
    if session is not None and not asked:
        return f"no launch {session!r} is running", f"running: {running}"
    return f"there is no robot in {', '.join(one.name for one in asked)}", f"running: {running}"


def _fail(problem: str, hint: str) -> None:
    print(f"error: {problem}. hint: {hint}", file=sys.stderr)
