"""``rtgraph evaluate``: evaluates a learned policy."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rtgraph.launch.console.typed import count, whole
from rtgraph.launch.file_options import folder, launch_folders

if TYPE_CHECKING:
    from rich.table import Table

    from rtgraph.launch.evaluation import Evaluation
    from rtgraph.launch.report.result import Result

EXAMPLE = """\
examples:
  rtgraph evaluate sessions/boxing-20260101-120000/checkpoints boxing k=0.25
  rtgraph evaluate sessions/boxing-20260101-120000/checkpoints/000007 boxing k=0.25 --episodes 100 --world realtime
  rtgraph evaluate boxing --policy random --episodes 30

CHECKPOINT is a learner's checkpoint, or a folder of checkpoints, of which the newest is used; LAUNCH is the launch file it learned with. Give
the arguments that set the network, such as k, the same values. Play is greedy: no node learns, `epsilon` is 0 by default, networks have no noise.
Episodes differ from those of a training run with the same seed; in the virtual world, the same --seed plays the same
episodes. With --policy, leave CHECKPOINT out: `random` draws every action, `noop` leaves each action to the default
behaviour. The mean has a 95 % interval (Student's t).
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph evaluate`` to its parser."""
    parser.description = "Play greedy episodes with the weights of a checkpoint, and print their mean return."
    parser.usage = "rtgraph evaluate [CHECKPOINT] LAUNCH [name=value ...] [options]"
    parser.epilog = EXAMPLE
    parser.add_argument(
        "words",
        metavar="CHECKPOINT LAUNCH name=value",
        nargs="+",
        help="the checkpoint, and the launch file to play in",
    )
    parser.add_argument(
        "--episodes", type=count, default=30, metavar="N", help="number of episodes (default: 30)"
    )
    parser.add_argument(
        "--policy", choices=("random", "noop"), help="play this policy instead of a checkpoint"
    )
    parser.add_argument(
        "--most-frames",
        type=count,
        metavar="N",
        help="truncate an episode of an Atari or Game Boy game after N frames (default: 108000, half an hour of play)",
    )
    parser.add_argument("--seed", type=whole, metavar="N", help="the seed of all random numbers")
    parser.add_argument(
        "--world",
        choices=("virtual", "realtime"),
        default="virtual",
        help="virtual time in one process (the default), or real processes",
    )
    parser.add_argument(
        "--out", type=folder, metavar="DIR", help="the session folder (default: sessions/NAME-DATE-TIME)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Play the episodes, print the results, and return the exit code of the launch."""
    # Slow imports wait until the arguments are known to be right.
    checkpoint, file, given = _words(args.words, args.policy)
    from rtgraph.launch.console.printing import printed  # noqa: PLC0415
    from rtgraph.launch.console.status import ConsoleStatus  # noqa: PLC0415
    from rtgraph.launch.evaluation import evaluated, evaluation_plan  # noqa: PLC0415
    from rtgraph.launch.report.final_report import print_failures  # noqa: PLC0415
    from rtgraph.launch.run import run as run_plan  # noqa: PLC0415
    from rtgraph.launch.scoring.games import game_of  # noqa: PLC0415

    plan = evaluation_plan(
        file,
        given,
        policy=args.policy or _found(checkpoint),
        episodes=args.episodes,
        world=args.world,
        seed=args.seed,
        folders=launch_folders(),
        **({} if args.most_frames is None else {"most_frames": args.most_frames}),
    )
    with ConsoleStatus() as status:
        result = run_plan(plan, status, directory=args.out)
    played = evaluated(plan, result.session.directory)
    what = args.policy or checkpoint
    show = _print_json if args.json else _print_table
    unprinted = printed(lambda: show(played, what, file, game_of(plan), result, args.seed))
    print_failures({plan.name: result})
    return result.code or unprinted


def _words(words: list[str], policy: Literal["random", "noop"] | None) -> tuple[str, str, dict[str, str]]:
    """Split the words of the command line into the checkpoint, the launch file, and a dict of launch arguments.

    If ``policy`` is given, the words contain no checkpoint, and "" is returned for it.

    Raises:
        GraphError: the checkpoint or the launch file is missing, or an argument is not ``name=value`` or is given twice.
    """
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415 - so that --help is instant

    files = 1 if policy else 2
    first, rest = words[:files], words[files:]
    if len(first) < files or "=" in first[-1]:
        raise GraphError(
            "LAUNCH is missing" if policy else "CHECKPOINT or LAUNCH is missing",
            file="command line",
            hint=f"rtgraph evaluate {f'--policy {policy}' if policy else 'CHECKPOINT'} LAUNCH [name=value ...]",
        )
    given: dict[str, str] = {}
    for word in rest:
        name, equals, value = word.partition("=")
        if not equals or not name:
            hint = "with --policy there is no CHECKPOINT" if policy else None
            raise GraphError(f"{word!r} is not name=value", file="command line", hint=hint)
        if name in given:
            raise GraphError(f"the argument {name!r} is given twice", file="command line")
        given[name] = value
    return ("", first[0], given) if policy else (first[0], first[1], given)


def _found(checkpoint: str) -> Path:
    from rtgraph.msgs.errors import CheckpointError, GraphError  # noqa: PLC0415 - so that --help is instant
    from rtgraph.nodes.networks.checkpoints import checkpoint_in  # noqa: PLC0415

    try:
        return checkpoint_in(Path(checkpoint)).resolve()
    except CheckpointError as error:
        raise GraphError(error.problem, file="command line", hint=error.hint) from error


def _print_json(
    played: Evaluation, what: str, file: str, game: str | None, result: Result, seed: int | None
) -> None:
    from dataclasses import asdict  # noqa: PLC0415 - so that --help is instant

    from rtgraph.launch.console.printing import print_json  # noqa: PLC0415
    from rtgraph.launch.scoring.scores import lines  # noqa: PLC0415

    compared = {name: asdict(line) for name, line in lines(game or "").items()}
    summary = result.summary
    print_json(
        {
            "policy": what,
            "launch": file,
            "world": result.plan.world,
            "seed": seed,
            **played.as_json(),
            "endings": summary.get("endings", {}),
            "encounters": summary.get("encounters", {}),
            "lines": compared,
        }
    )


def _print_table(
    played: Evaluation, what: str, _file: str, game: str | None, result: Result, _seed: int | None
) -> None:
    from rtgraph.launch.console.numbers import rounded  # noqa: PLC0415
    from rtgraph.launch.console.tables import console, row, table  # noqa: PLC0415
    from rtgraph.launch.report.tables import encounters_won  # noqa: PLC0415
    from rtgraph.launch.scoring.confidence import Spread  # noqa: PLC0415 - so that --help is instant
    from rtgraph.launch.scoring.scores import lines  # noqa: PLC0415

    numbers = ("mean", "± 95 %", "min", "median", "max", "n")
    shown: Table = table("", *numbers, right=numbers)
    for name, values in (("return", played.finite), ("length (ticks)", played.lengths)):
        s = Spread.of(values) if values else None
        figures = (s.mean, s.half_width, s.least, s.median, s.most) if s else (None,) * 5
        row(
            shown,
            name,
            *(rounded(None if figure is None else round(figure, 2)) for figure in figures),
            len(values),
        )
    out = console()
    out.print(
        f"{what}: {len(played.returns)} episodes of {result.plan.name.removesuffix('-evaluation')}",
        markup=False,
    )
    out.print(shown)
    if "endings" in result.summary:
        ended = ", ".join(
            f"{count} {reason.replace('_', ' ')}" for reason, count in result.summary["endings"].items()
        )
        won = f"; encounters won: {encounters_won(result.summary)}" if "encounters" in result.summary else ""
        out.print(f"Episodes: {ended}{won}.", markup=False)
    if played.not_finite:
        out.print(f"Returns of {played.not_finite} episodes are not finite: the statistics leave them out.")
    compared = lines(game or "")
    if compared:
        others: Table = table("return of", "mean", "± 95 %", "n", right=("mean", "± 95 %", "n"))
        for name, line in compared.items():
            row(
                others,
                name,
                rounded(line.mean),
                "" if line.half_width is None else rounded(line.half_width),
                line.episodes,
            )
        out.print(others)
    if len(set(played.returns)) == 1 and len(played.returns) > 1:
        out.print("All episodes have the same return: the interval means nothing for a deterministic result.")
    out.print(f"  {result.session.directory}", markup=False, soft_wrap=True)
