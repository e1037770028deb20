"""Runs a launch in virtual time, with all nodes in this process. If a node fails or the user interrupts, results are kept."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from rtgraph.graphs import Plan
from rtgraph.launch.console.exit_codes import DONE, FAILED, LOST, SIGNALLED
from rtgraph.launch.console.interruption import Interrupted, ending_signals
from rtgraph.launch.console.progress_line import PROGRESS, ProgressLine, ProgressMessage
from rtgraph.launch.console.status import Status
from rtgraph.launch.host.children import ended_with
from rtgraph.launch.host.collection import without_collection
from rtgraph.launch.report.result import RunResult
from rtgraph.launch.report.summary import lossless_losses, summarise
from rtgraph.launch.session import Session
from rtgraph.launch.world.world_checkpoints import CheckpointSettings, resumed, world_saver_of
from rtgraph.msgs.atomic import cannot_write, writing
from rtgraph.msgs.errors import LaunchError, RtgraphError
from rtgraph.msgs.typed.one_line import in_one_line
from rtgraph.nodes.runtime import LaunchContext, RunLimits, VirtualWorld, load_class
from rtgraph.nodes.runtime.checkpoint.snapshot import WorldSaver
from rtgraph.nodes.runtime.results import edge_reports
from rtgraph.nodes.runtime.virtual.world import INJECTED
from rtgraph.nodes.weights.weights import Weights

LOG_FILE = "world.log"

log = logging.getLogger("rtgraph.world")


def run_virtual(
    plan: Plan, session: Session, status: Status, checkpoints: CheckpointSettings | None = None
) -> RunResult:
    """Run a plan (a resolved launch file) in virtual time to its end, optionally from a checkpoint of an earlier run.

    Raises:
        RtgraphError: the plan could not be started.
    """
    with _logged(session) as log_file, ended_with(status.note) as left_behind:
        use_threads(plan)
        _warn_of_no_limit(plan, status)
        try:
            world = VirtualWorld(
                plan.nodes,
                seed=plan.seed,
                launch_context=launch_context(plan, session),
                faults=plan.faults,
                delays=plan.delays,
                interruption=Interrupted,
            )
            saver = _world_saver(world, plan, session, checkpoints or CheckpointSettings(), status)
        except RtgraphError:
            log.exception("the world could not be created")
            raise
        began_ns = world.clock.now_ns()
        failures, caught = _run(world, plan, status, saver)
        results = world.results()
    failures += log_file.problems
    failures += [f"{name}: {problem}" for name, problem in world.problems.items()]
    reports = {name: edge_reports(executor) for name, executor in world.executors.items()}
    causes = dict.fromkeys(world.restarts, INJECTED)
    summary = summarise(
        plan, world.reason, results, reports, world.restarts, causes, world.down, world.problems
    )
    if left_behind:
        summary["left_behind"] = {"a node": left_behind}
    lost = bool(lossless_losses(plan, reports))
    code = LOST if lost else DONE
    if failures:
        code = FAILED
    elif caught is not None:
        code = SIGNALLED + caught
    return RunResult(summary, code, tuple(failures), (world.clock.now_ns() - began_ns) / 1e9, lost)


def launch_context(plan: Plan, session: Session | None) -> LaunchContext:
    """Return what the launch gives to every node: the limits of the run, the session folder, and the shared network weights."""
    return LaunchContext(
        realtime=False,
        limits=RunLimits(plan.ticks, None if plan.duration_s is None else round(plan.duration_s * 1e9)),
        directory=None if session is None else session.directory,
        weights={name: Weights(name, weights) for name, weights in plan.weights.items()},
    )


def _world_saver(
    world: VirtualWorld, plan: Plan, session: Session, checkpoints: CheckpointSettings, status: Status
) -> WorldSaver | None:
    """Return the writer of checkpoints, which save the state of all nodes; None if the launch writes no checkpoints.

    If the launch resumes an earlier launch, first restore the state of all nodes from a checkpoint of the earlier one.
    """
    every_s = checkpoints.every_s
    if checkpoints.resume is not None:
        before_s = resumed(world, plan, checkpoints.resume, status)
        every_s = every_s or before_s
    return None if every_s is None else world_saver_of(plan, session.directory, every_s)


def _run(
    world: VirtualWorld, plan: Plan, status: Status, saver: WorldSaver | None
) -> tuple[list[str], int | None]:
    """Run all nodes in virtual time to the end.

    Returns:
        The failures, and the number of the signal that ended the run (None without a signal).
    """
    progress_line = ProgressLine(plan.ticks, plan.duration_s)
    preparing = _Preparing(status)
    began = time.monotonic()

    def report_time(time_ns: int) -> None:
        if preparing.shown:
            preparing.shown = ""
            status.phase(plan.name, progress_line.total)
        for message in _progress_of(world):
            progress_line.update(message)
        status.progress(*progress_line.render(time_ns / 1e9, time.monotonic() - began))

    status.phase(plan.name, progress_line.total)
    with _interruptible(world) as caught:
        try:
            world.run(report_time, saver, preparing)
        except RtgraphError as error:
            log.exception("the world failed at %.6f s of virtual time", world.clock.now_ns() / 1e9)
            if not world.begun:
                raise
            return [_naming_the_node(error, world)], None
    return [], caught[0] if caught else None


class _Preparing:
    """Shows on the status line how far a node has come with its preparation, such as loading data."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self.shown = ""
        """Name of the preparation that is shown now; empty if no node is preparing."""

    def __call__(self, what: str, done: int, total: int) -> None:
        if what != self.shown:
            self.shown = what
            self._status.phase(what, total)
        self._status.progress(done, f"{done:,}/{total:,}")


def _naming_the_node(error: RtgraphError, world: VirtualWorld) -> str:
    """Return the text of an error. If the text does not name the node that raised the error, put the name in front."""
    text, raised = str(error), in_one_line(error)
    failed = world.event_queue.failed.items()
    name = next((executor.identity.name for executor, problem in failed if problem == raised), "")
    return text if name in text else f"{name}: {text}"


def _progress_of(world: VirtualWorld) -> Iterator[ProgressMessage]:
    """Yield the newest progress message of each output that publishes such messages."""
    for executor in world.executors.values():
        for output in executor.node.outputs.values():
            if isinstance(output.newest, PROGRESS):
                yield output.newest


@contextlib.contextmanager
def _interruptible(world: VirtualWorld) -> Iterator[list[int]]:
    """Handle signals such as Ctrl-C in this context. The first signal ends the run in order, the second ends it at once.

    Yields a list, to which the number of each signal is appended.
    """
    caught: list[int] = []

    def catch(number: int, _: FrameType | None) -> None:
        caught.append(number)
        if len(caught) > 1:
            raise Interrupted(number)
        world.interrupt(signal.Signals(number).name)

    before = {number: signal.signal(number, catch) for number in ending_signals()}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _LogFile(logging.FileHandler):
    """A log file. If the disk is full, the lines that do not fit are dropped, and the run continues."""

    def __init__(self, path: Path) -> None:
        with writing(path, LaunchError):
            super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self.problems: list[str] = []
        """Why the first missing line could not be written, as a list of one text; empty if no line is missing."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Store the reason why a line could not be written."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            self._missing(error)
        else:
            super().handleError(record)

    def close(self) -> None:
        """Close the file. If the last lines cannot be written, store the reason in ``problems``."""
        try:
            super().close()
        except OSError as error:
            self._missing(error)

    def _missing(self, error: OSError) -> None:
        self.problems = self.problems or [str(cannot_write(Path(self.baseFilename), error, LaunchError))]


@contextlib.contextmanager
def _logged(session: Session) -> Iterator[_LogFile]:
    """Write the logs of all nodes to a file of the session while the context lasts."""
    handler = _LogFile(session.logs / LOG_FILE)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("rtgraph")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield handler
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
        handler.close()


def _warn_of_no_limit(plan: Plan, status: Status) -> None:
    limited = plan.ticks is not None or plan.duration_s is not None
    ends = any(
        node.params.get("episodes") or getattr(load_class(node.node), "ends", False) for node in plan.nodes
    )
    if not limited and not ends:
        status.note(
            "warning: this run has no limit: it runs until a node ends it, or Ctrl-C. hint: --ticks N or --duration S"
        )


def use_threads(plan: Plan) -> None:
    """Set the number of threads of torch to the highest ``threads`` of all nodes, if the plan has weights.

    The number matters for reproducible runs, because it affects the last bits of sums.
    """
    if plan.weights:
        # Imported late: a graph without networks needs no torch.
        with without_collection() if "torch" not in sys.modules else contextlib.nullcontext():
            import torch  # noqa: PLC0415

        torch.set_num_threads(max(node.threads for node in plan.nodes))
