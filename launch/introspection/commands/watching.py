"""``rtgraph top``: a table of the nodes that is updated continuously."""

from __future__ import annotations

import contextlib
import itertools
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from dataclasses import asdict

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from rtgraph.launch.console.printing import print_line
from rtgraph.launch.console.tables import console, row, table
from rtgraph.launch.introspection.client import Client
from rtgraph.launch.introspection.live import LiveGraph, LiveNode, figures
from rtgraph.launch.introspection.rate import Rate
from rtgraph.launch.introspection.sessions import LiveSession
from rtgraph.msgs.errors import LaunchError
from rtgraph.msgs.introspection import AskGraph, Graph

PERIOD_S = 0.5

_Key = Callable[[LiveNode], float]
SORTS: dict[str, _Key] = {
    "cpu": lambda node: node.cpu_percent or 0.0,
    "rss": lambda node: node.resident_bytes or 0,
    "in": lambda node: node.in_hz or 0.0,
    "out": lambda node: node.out_hz or 0.0,
    "lost": lambda node: node.lost,
    "overwr": lambda node: node.overwritten,
    "queue": lambda node: node.unread,
    "age": lambda node: node.age_ms or 0.0,
}


def watch(session: LiveSession, *, sort: str | None, times: int | None, as_json: bool) -> int:
    """Print the state of the nodes again and again, until the user presses q or Ctrl-C, or the graph ends.

    If ``times`` is given, print it so many times. If stdout is not a terminal, and neither ``times`` nor ``as_json`` is given,
    print it once.
    """
    with Client(session) as client:
        if as_json or times is not None or not sys.stdout.isatty():
            _print(session, client, sort, times if as_json or times else 1, as_json)
        else:
            _show(session, client, sort)
    return 0


def _print(session: LiveSession, client: Client, sort: str | None, times: int | None, as_json: bool) -> None:
    pacer = Rate(1 / PERIOD_S)
    for _ in itertools.count() if times is None else range(times):
        pacer.wait()
        graph = _asked(session, client, sort)
        if graph is None:
            return
        if as_json:
            print_line(asdict(graph))
        else:
            console().print(_picture(graph))


def _show(session: LiveSession, client: Client, sort: str | None) -> None:
    graph = _asked(session, client, sort)
    with _keys() as pressed, Live(screen=True, auto_refresh=False) as live:
        while graph is not None:
            live.update(_picture(graph), refresh=True)
            if pressed(PERIOD_S) in ("q", "Q"):
                return
            graph = _asked(session, client, sort)


def _asked(session: LiveSession, client: Client, sort: str | None) -> LiveGraph | None:
    """Return the state of the graph; None if the graph has ended."""
    try:
        graph = figures(client.ask(AskGraph(), Graph))
    except LaunchError:
        if session.lives():
            raise
        print(f"{session.description.name} has ended", file=sys.stderr)
        return None
    if sort is None:
        return graph
    nodes = sorted(graph.nodes, key=lambda node: node.node)
    if sort in SORTS:
        nodes.sort(key=SORTS[sort], reverse=True)
    return LiveGraph(graph.name, graph.now_s, tuple(nodes), graph.progress)


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """Yield a function that waits up to a number of seconds for a key. It returns the key, or "" if no key was pressed."""
    if not sys.stdin.isatty():
        pause = threading.Event()
        yield lambda wait_s: "q" if pause.wait(wait_s) else ""
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield lambda wait_s: sys.stdin.read(1) if select.select([descriptor], [], [], wait_s)[0] else ""
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _picture(graph: LiveGraph) -> RenderableType:
    figures = ("CPU %", "RSS", "IN/s", "OUT/s", "LOST", "OVERWR", "QUEUE", "AGE")
    shown = table("NODE", "PID", "STATE", *figures, right=("PID", *figures))
    for node in graph.nodes:
        row(
            shown,
            node.node,
            node.pid or "–",
            _state(node),
            _number(node.cpu_percent, 1),
            "–" if node.resident_bytes is None else f"{node.resident_bytes / 2**20:,.0f} MiB",
            _number(node.in_hz, 1),
            _number(node.out_hz, 1),
            f"{node.lost + node.refused:,}",
            f"{node.overwritten:,}",
            f"{node.unread:,}",
            "–" if node.age_ms is None else f"{node.age_ms:,.1f} ms",
        )
    return Group(Text(_title(graph), style="bold"), shown)


def _title(graph: LiveGraph) -> str:
    title = f"{graph.name}  {graph.now_s:,.1f} s"
    progress = graph.progress
    if progress is None:
        return title
    age = "–" if progress.age_ticks is None else f"{progress.age_ticks:.1f}"
    return (
        f"{title}  tick {progress.tick:,} ({_number(progress.tick_rate_hz, 2)} Hz)  "
        f"inaction {progress.inaction:.1%}  age {age} ticks  late ≤ {progress.lateness_most_ms:.2f} ms  "
        f"overruns {progress.overruns:,}"
    )


def _state(node: LiveNode) -> str:
    incarnation = f", incarnation {node.incarnation}" if node.incarnation else ""
    if node.state == "silent" and node.heard_s is not None:
        return f"silent {node.heard_s:,.1f} s{incarnation}"
    return f"{node.does or node.state}{incarnation}"


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"
