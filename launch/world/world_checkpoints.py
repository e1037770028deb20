"""World checkpoints, which save the state of all nodes of a launch in virtual time. A launch can be resumed from them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtgraph.graphs import Plan
from rtgraph.launch.console.status import Silent, Status
from rtgraph.msgs.errors import CheckpointError, GraphError
from rtgraph.nodes.plant import Plant
from rtgraph.nodes.recorder.provenance import TIME_BASE_FACT, facts
from rtgraph.nodes.runtime import VirtualWorld, load_class
from rtgraph.nodes.runtime.checkpoint.files import SnapshotFile, SnapshotFolder
from rtgraph.nodes.runtime.checkpoint.snapshot import WorldSaver, load
from rtgraph.nodes.runtime.classes.loading import validated_params
from rtgraph.nodes.runtime.clock import TIME_BASE, period_ns

FOLDER = "world"
"""Folder of the world checkpoints, inside the session folder."""
SHORTEST_S = 1e-3


@dataclass(frozen=True, slots=True)
class CheckpointSettings:
    """When a launch in virtual time writes checkpoints, and which earlier launch it resumes.

    ``every_s`` is the virtual time between checkpoints in seconds. None means no checkpoints or, if an earlier launch is
    resumed, the interval of the earlier launch. ``resume`` is the session folder of the earlier launch; None to start anew.
    """

    every_s: float | None = None
    resume: Path | None = None

    def __post_init__(self) -> None:
        if self.every_s is not None and not self.every_s >= SHORTEST_S:
            raise GraphError(
                f"--checkpoint-every {self.every_s}: the time between checkpoints is too short",
                hint=f"the minimum is {SHORTEST_S} s",
            )


def plan_of(session: Path) -> Plan:
    """Read the plan (the resolved launch file) of a session from its ``plan.yaml``.

    Raises:
        CheckpointError: the plan cannot be read, so the folder is not a session.
    """
    file = session / "plan.yaml"
    try:
        return Plan.from_yaml(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, GraphError) as error:
        raise CheckpointError(
            f"{session} is not a session: its plan cannot be read: {error}", hint="name a session folder"
        ) from error


def world_saver_of(plan: Plan, directory: Path, every_s: float) -> WorldSaver:
    """Return a writer of checkpoints, which save the state of all nodes every ``every_s`` s of virtual time and at the end."""
    about = {"plan": plan_digest(plan), "facts": facts("virtual"), "every_s": every_s}
    return WorldSaver(directory / FOLDER, round(every_s * 1e9), about)


def resumed(world: VirtualWorld, plan: Plan, session: Path, status: Status) -> float:
    """Restore the state of all nodes from the newest readable checkpoint of an earlier session.

    Returns:
        The virtual time between checkpoints of the earlier session, in seconds.

    Raises:
        CheckpointError: there is no readable checkpoint; or the checkpoint is of another launch, of changed modules or of an
            older rtgraph; or nothing is left to run.
    """
    file = _fitting(plan, session, status)
    theirs, ours = file.head.get("facts", {}), facts("virtual")
    load(world, file)
    others = [f"{name} was {theirs[name]}" for name in ours if theirs.get(name, ours[name]) != ours[name]]
    if others:
        status.note(f"warning: results may differ from those of an uninterrupted run: {', '.join(others)}")
    status.note(f"resuming at {world.clock.time_ns / 1e9:,.3f} s of virtual time")
    return float(file.head["every_s"])


def check_resume(plan: Plan, session: Path) -> None:
    """Check that a launch can resume from the newest readable checkpoint of a session. Nothing is restored.

    Raises:
        CheckpointError: there is no readable checkpoint; or the checkpoint is of another launch, of changed modules or of an
            older rtgraph; or nothing is left to run.
    """
    _fitting(plan, session, Silent())


def plan_digest(plan: Plan) -> str:
    """Return a digest of a plan (a resolved launch file). Its limits, such as the number of ticks, and its description do not count."""
    values: dict[str, Any] = plan.model_dump(mode="json", exclude={"ticks", "duration_s", "description"})
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _fitting(plan: Plan, session: Path, status: Status) -> SnapshotFile:
    """Return the newest readable checkpoint of a session, after checking that the plan can resume from it."""
    file = _newest(session, status)
    if file.head.get("facts", {}).get(TIME_BASE_FACT) != TIME_BASE:
        raise CheckpointError(
            f"{session} cannot be resumed: an older version of rtgraph wrote it, which rounded the times of ticks differently",
            hint="launch it again, or resume it with the version of rtgraph that wrote it",
        )
    _must_run_the_same_modules(plan, session)
    if file.head.get("plan") != plan_digest(plan):
        raise CheckpointError(
            f"{session} ran another plan than {plan.name}: another launch file, seed or arguments",
            hint="leave FILE out, to use the session's plan; only --ticks and --duration may differ",
        )
    _must_have_more_to_do(int(file.head["time_ns"]), plan, session)
    return file


def _must_run_the_same_modules(plan: Plan, session: Path) -> None:
    then = plan_of(session).modules
    for name, module in plan.modules.items():
        if name in then and then[name].digest != module.digest:
            raise CheckpointError(
                f"{Path(module.file).name} has changed since {session} ran with it",
                hint="restore the file as it was",
            )


def _must_have_more_to_do(time_ns: int, plan: Plan, session: Path) -> None:
    done_s = time_ns / 1e9
    for node in plan.nodes:
        plant = load_class(node.node)
        if issubclass(plant, Plant):
            done = time_ns // period_ns(plant.spec(validated_params(plant, node.params)).rate_hz) + 1
            if plan.ticks is not None and done >= plan.ticks:
                raise CheckpointError(
                    f"{session} has already run {done:,} ticks", hint="set a higher limit: --ticks N"
                )
    if plan.duration_s is not None and done_s >= plan.duration_s:
        raise CheckpointError(
            f"{session} has already run for {done_s:,.3f} s", hint="set a longer duration: --duration SECONDS"
        )


def _newest(session: Path, status: Status) -> SnapshotFile:
    files = SnapshotFolder(session / FOLDER).files()
    for number, path in enumerate(reversed(files), start=1):
        try:
            return SnapshotFile(path)
        except CheckpointError as error:
            if number == len(files):
                raise
            status.note(f"warning: {error}")
    raise CheckpointError(
        f"{session} has no world checkpoint",
        hint="launch it again with --checkpoint-every SECONDS, which writes some",
    )
