"""``rtgraph play``: lets a person, or a script of button presses, play a game."""

from __future__ import annotations

import argparse

from rtgraph.launch.file_options import add_file, folder

EXAMPLE = """\
examples:
  rtgraph play blocks
  rtgraph play boxing --duration 60 --out sessions/mine
  rtgraph play blocks --world virtual --script blocks --out sessions/demonstration
  rtgraph launch blocks learn=true demonstration=sessions/demonstration/session.mcap

Arrows move, X and Z are A and B (FIRE of Atari games is X), Enter is START, the right Shift is SELECT; a gamepad works, too.
The window shows the keys of the game. Escape, closing the window and Ctrl-C end it. An action is applied on the next tick.
The game runs in real time unless --world is given, whatever the file says.

Each line of a script is an action and a number of ticks: `LEFT 3`. The scripts `blocks`, `duel_battles` and
`duel_catching` ship with rtgraph. In the virtual world, the same script and seed give the same session.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph play`` to its parser."""
    parser.description = (
        "Play the plant of a launch file in a window, at its own rate, and record the session."
    )
    parser.epilog = EXAMPLE
    add_file(parser)
    parser.add_argument(
        "--script", metavar="FILE", help="play the inputs in this file, or a shipped script of that name"
    )
    parser.add_argument(
        "--out", type=folder, metavar="DIR", help="the session folder (default: sessions/NAME-DATE-TIME)"
    )
    parser.add_argument("--no-plots", action="store_true", help="draw no plots")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(args: argparse.Namespace) -> int:
    """Let a person or a script play, print the summary, and return the exit code of the launch. Ctrl-C is no failure."""
    # Slow imports wait until the arguments are known to be right.
    import signal  # noqa: PLC0415
    from dataclasses import replace  # noqa: PLC0415

    from rtgraph.launch.console.exit_codes import DONE, LOST, SIGNALLED  # noqa: PLC0415
    from rtgraph.launch.console.status import ConsoleStatus  # noqa: PLC0415
    from rtgraph.launch.file_options import load, recording  # noqa: PLC0415
    from rtgraph.launch.played import played  # noqa: PLC0415
    from rtgraph.launch.report.final_report import draw_results, print_result  # noqa: PLC0415
    from rtgraph.launch.run import run as run_plan  # noqa: PLC0415
    from rtgraph.launch.session import check_directory  # noqa: PLC0415

    args.world = args.world or "realtime"
    plan = played(
        load(args, record=False, effective=False),
        script=args.script,
        record=recording(args),
    )
    check_directory(args.out)
    with ConsoleStatus() as status:
        result = run_plan(plan, status, directory=args.out)
    if result.code == SIGNALLED + signal.SIGINT:
        result = replace(result, code=LOST if result.lost else DONE)
    results = {plan.name: result}
    code = print_result(results, as_json=args.json)
    if not args.no_plots:
        draw_results(results, quiet=args.json)
    return code
