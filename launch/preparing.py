"""All checks of a launch before anything is created or started. ``rtgraph check`` runs exactly these.

A plan is a resolved launch file: the nodes with their params and connections.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtgraph.launch.console.typed import above_zero, port
from rtgraph.launch.file_options import add_file, folder, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtgraph.graphs import Plan
    from rtgraph.graphs.load import PlanPreview
    from rtgraph.launch.world.world_checkpoints import CheckpointSettings


@dataclass(frozen=True, slots=True)
class Prepared:
    """A launch that passed all checks."""

    plan: Plan
    checkpoints: CheckpointSettings | None


def add_launch(parser: argparse.ArgumentParser) -> None:
    """Add the argument FILE to a parser, and the options for launching the file."""
    add_file(parser, optional=True)
    parser.add_argument(
        "--out", type=folder, metavar="DIR", help="the session folder (default: sessions/NAME-DATE-TIME)"
    )
    parser.add_argument(
        "--tcp-port", type=port, metavar="PORT", help="use tcp on loopback instead of ipc, from this port on"
    )
    parser.add_argument(
        "--checkpoint-every",
        type=above_zero,
        metavar="S",
        help="write a checkpoint of the virtual world every S seconds of its time, and on Ctrl-C",
    )
    parser.add_argument(
        "--resume-world",
        type=folder,
        metavar="SESSION",
        help="resume from the newest checkpoint of this session; FILE may be left out",
    )


def prepared(args: argparse.Namespace, on_preview: Callable[[PlanPreview], None] | None = None) -> Prepared:
    """Return the launch that the command line asks for.

    Args:
        args: the command line.
        on_preview: called with the world and the node classes of the plan before these classes are imported.

    Raises:
        GraphError: the file, its arguments or the options are wrong.
        RtgraphError: a TCP port is in use, or the session folder or the checkpoint cannot be used.
    """
    plan = _plan(args, on_preview)
    from rtgraph.launch.process.endpoints import check_ports  # noqa: PLC0415 - so that --help is instant
    from rtgraph.launch.session import check_directory  # noqa: PLC0415
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415

    checkpoints = _checkpoints(args, plan)
    if args.tcp_port is not None:
        if plan.world != "realtime":
            raise GraphError(
                "--tcp-port has no effect in the virtual world, where messages need no ports",
                hint="add --world realtime",
            )
        check_ports(plan, args.tcp_port)
    check_directory(args.out)
    return Prepared(plan, checkpoints)


def _checkpoints(args: argparse.Namespace, plan: Plan) -> CheckpointSettings | None:
    """Return the checkpoint settings of the command line.

    Return None if the command line has neither ``--checkpoint-every`` nor ``--resume-world``.

    Raises:
        RtgraphError: the plan is in real time, or the session to resume cannot be used.
    """
    if args.checkpoint_every is None and args.resume_world is None:
        return None
    from rtgraph.launch.world.world_checkpoints import CheckpointSettings, check_resume  # noqa: PLC0415
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415

    checkpoints = CheckpointSettings(args.checkpoint_every, args.resume_world)
    if plan.world != "virtual":
        raise GraphError(
            "--checkpoint-every and --resume-world need the virtual world: only its state can be saved and restored",
            hint="add --world virtual",
        )
    if checkpoints.resume is not None:
        check_resume(plan, checkpoints.resume)
    return checkpoints


def _plan(args: argparse.Namespace, on_preview: Callable[[PlanPreview], None] | None) -> Plan:
    """Return the plan that the command line asks for, or the plan of the session to resume."""
    if args.file is not None:
        return load(args, on_preview=on_preview)
    from rtgraph.graphs import Plan  # noqa: PLC0415 - so that --help is instant
    from rtgraph.launch.world.world_checkpoints import plan_of  # noqa: PLC0415
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415

    if args.resume_world is None:
        raise GraphError(
            "no launch file is given", file="command line", hint="for example: rtgraph launch boxing"
        )
    others = ("world", "seed", "replay", "record", "no_record", "replace", "recorder")
    # A given seed of 0 counts too.
    given = next((name for name in others if getattr(args, name) or type(getattr(args, name)) is int), None)
    if given is not None:
        raise GraphError(
            f"--{given.replace('_', '-')} changes the plan, and --resume-world needs the same plan",
            hint="only --ticks and --duration may differ",
        )
    plan = plan_of(args.resume_world)
    limits = {"ticks": args.ticks, "duration_s": args.duration}
    changed = {name: value for name, value in limits.items() if value is not None}
    return Plan.model_validate(plan.model_dump() | changed) if changed else plan
