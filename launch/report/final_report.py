"""The report at the end of a launch: its summary, failures, warnings and pictures."""

from __future__ import annotations

import json
import resource
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from rtgraph.launch.console.exit_codes import DONE
from rtgraph.launch.console.printing import printed
from rtgraph.launch.console.status import ConsoleStatus
from rtgraph.launch.console.tables import Printer
from rtgraph.launch.report.drawing import draw
from rtgraph.launch.report.result import Result
from rtgraph.launch.report.tables import Figures, count_of, headline, plants_of, summary_table
from rtgraph.msgs.errors import RtgraphError
from rtgraph.msgs.typed.extras import missing_package
from rtgraph.nodes.monitor.traces import watched
from rtgraph.nodes.runtime.virtual.world import INJECTED

TEMPORARY_REFUSALS = frozenset({"homing", "estop", "fault"})
"""Reasons for which a robot refuses commands for a while although the policy makes no mistake."""


def print_result(results: Mapping[str, Result], *, as_json: bool = False) -> int:
    """Print the summaries of launches side by side, and return the worst exit code."""
    unprinted = printed(lambda: _print_summaries(results, as_json=as_json))
    print_failures(results)
    return max((result.code for result in results.values()), default=DONE) or unprinted


def _print_summaries(results: Mapping[str, Result], *, as_json: bool) -> None:
    if as_json:
        summaries = {title: result.summary for title, result in results.items()}
        print(
            json.dumps(
                next(iter(summaries.values())) if len(summaries) == 1 else summaries, indent=2, sort_keys=True
            )
        )
        return
    console = Printer(highlight=False)
    columns = {
        name: figures for title, result in results.items() for name, figures in _columns(title, result)
    }
    console.print(summary_table(columns))
    for title, result in results.items():
        for line in (*_headlines(title, result), f"  {result.session.directory}"):
            console.print(line, markup=False, soft_wrap=True)


def print_failures(results: Mapping[str, Result]) -> None:
    """Print the failures and warnings of launches on stderr."""
    for title, result in results.items():
        for failure in result.failures:
            hint = "; or see" if ". hint: " in failure else ". hint: see"
            print(f"error: {title}: {failure}{hint} {result.session.logs}", file=sys.stderr)
        for warning in _warnings(result):
            print(f"warning: {title}: {warning}", file=sys.stderr)


def draw_results(results: Mapping[str, Result], *, quiet: bool = False) -> None:
    """Draw the pictures of launches and print their paths.

    If a picture cannot be drawn, only a warning is printed, because all results are also in the summary.
    """
    for title, result in results.items():
        try:
            with ConsoleStatus() as status:
                paths = draw(result, status)
        except Exception as error:  # whatever matplotlib or the disk raises
            missing = missing_package(error) if isinstance(error, ModuleNotFoundError) else None
            known = missing or (error if isinstance(error, RtgraphError) else None)
            problem = known or f"{type(error).__name__}: {error}"
            print(f"warning: {title}: the plots could not be drawn: {problem}", file=sys.stderr)
            continue
        if paths and not quiet:
            lines = "\n".join(f"  {path}" for path in paths)
            printed(partial(print, lines))


def _columns(title: str, result: Result) -> Iterator[tuple[str, Figures]]:
    plants = plants_of(result.summary)
    if not plants:
        yield title, result.summary
    for plant, figures in plants.items():
        yield f"{title} {plant}", figures


def _headlines(title: str, result: Result) -> Iterator[str]:
    plants = plants_of(result.summary)
    if not plants:
        yield f"{title}: {headline(result.summary)}"
    for plant, figures in plants.items():
        yield f"{title} {plant}: {headline(figures)}"
    if plants:
        lost, restarts = (count_of(result.summary, key) for key in ("lost", "restarts"))
        yield f"{title}: messages lost {lost}, restarts {restarts}"
    if result.summary["world"] == "virtual":
        yield f"  {_speed(result)}"


def _warnings(result: Result) -> Iterator[str]:
    """Yield warnings about a launch, such as lost messages, which are not failures."""
    summary = result.summary
    if result.lost and any(summary["lost"].values()):
        yield "messages to lossless inputs were lost"
    if summary.get("unread"):
        yield f"messages were unread when their node stopped: {count_of(summary, 'unread')}"
    yield from _warnings_of_nodes(summary)
    for plant, figures in (plants_of(summary) or {"": summary}).items():
        prefix = f"{plant}: " if plant else ""
        yield from (f"{prefix}{text}" for text in _refusals(plant, figures, summary, result.session.logs))
        yield from (f"{prefix}{text}" for text in _unseen(figures))
        if odd := figures.get("reward", {}).get("not_finite"):
            yield f"{prefix}{odd:,} rewards were not finite: the results exclude them and their episodes"
        if figures.get("missed"):
            yield f"{prefix}{figures['missed']:,} ticks passed while the plant was down"
    for one in watched(result.plan.nodes):
        figures = plants_of(summary).get(one.title, summary)
        if one.monitor in summary["restarts"] and figures.get("first_tick") is not None:
            yield f"the results and the trace of {one.monitor} begin at tick {figures['first_tick']:,}"


def _refusals(plant: str, figures: Figures, summary: Figures, logs: Path) -> Iterator[str]:
    """Yield warnings about decisions with invalid actions, and about commands that a robot's safety rules refused."""
    by_reason: Counter[str] = Counter()
    for name, node in summary.get("nodes", {}).items():
        if plant in {"", name, name.rpartition("/")[0].replace("/", ".")}:
            by_reason.update(node.get("robot", {}).get("refused", {}))
    wrong = (figures.get("decisions", {}).get("refused") or 0) - by_reason.total()
    if wrong > 0:
        yield f"{wrong:,} decisions were refused: the plant does not accept their actions. hint: see {logs}"
    unsafe = {reason: count for reason, count in by_reason.items() if reason not in TEMPORARY_REFUSALS}
    if unsafe:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in unsafe.items())
        yield f"{sum(unsafe.values()):,} commands were refused by the robot's safety rules: {reasons}"


def _unseen(figures: Figures) -> Iterator[str]:
    """Yield a warning if the delay of actions, in ticks, exceeds the number of pending actions that the policy sees.

    Pending actions are those that are decided but not yet applied.
    """
    slots, delay = figures.get("pending", {}).get("slots"), figures.get("delay_ticks") or 0
    if slots is not None and delay > slots:
        problem = (
            f"the delay is {delay:,} ticks, and the policy sees {slots:,} pending actions: "
            "it does not see the oldest"
        )
        yield f"{problem}. hint: pending_slots={delay}"


def _warnings_of_nodes(summary: Figures) -> Iterator[str]:
    """Yield a warning for each node that was restarted, and for each node that a ``crash`` fault kept down at the end.

    Also yield the warnings that nodes report. Other nodes that were down at the end are failures.
    """
    causes = summary.get("restart_causes", {})
    for name, count in summary["restarts"].items():
        times = "once" if count == 1 else f"{count} times"
        yield f"{name} was restarted {times}" + (f": {causes[name]}" if name in causes else "")
    for name, problem in summary.get("down", {}).items():
        if problem == INJECTED:  # any other node that is down is listed among the failures
            yield f"{name} was down at the end: {problem}"
    for name, figures in summary.get("nodes", {}).items():
        warnings = figures.get("warnings")
        yield from (f"{name}: {text}" for text in (warnings if isinstance(warnings, list) else ()))


def _speed(result: Result) -> str:
    """Return a text with the wall time of a run, the speed of the run relative to real time, and the peak memory."""
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    speed = (
        f", {result.virtual_s / result.wall_s:,.1f} × real time" if result.virtual_s and result.wall_s else ""
    )
    return f"{result.wall_s:,.1f} s of wall time{speed}, {peak_mib:,.0f} MiB at most"
