"""``rtgraph topic echo``: prints messages as they are published."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rtgraph.launch.console.printing import print_line
from rtgraph.launch.introspection.observer import Observed, Observer
from rtgraph.launch.introspection.sessions import LiveSession
from rtgraph.launch.introspection.values import as_json as json_value
from rtgraph.launch.introspection.values import as_lines, fields, selected
from rtgraph.msgs.errors import GraphError

if TYPE_CHECKING:
    from rtgraph.launch.introspection.labels import Labels

FOREVER_S = 1e9


def echo(
    session: LiveSession,
    topic: str,
    key: str | None,
    *,
    count: int | None,
    duration_s: float | None,
    fields: Sequence[str],
    full: bool,
    as_json: bool,
) -> int:
    """Print the messages on a topic, until ``count`` messages, ``duration_s`` seconds or the end of the graph.

    Returns:
        The exit code: 0, or 1 if fewer than ``count`` messages, or no messages, were received.
    """
    from rtgraph.launch.introspection.labels import Labels  # noqa: PLC0415 - it reads YAML, which other verbs need not

    printed = 0
    labels = Labels(session.description.plan, session.description.published(topic)[0].message)
    with Observer(session, topic, key=key) as observer:
        end_ns = observer.now_ns() + round((duration_s or FOREVER_S) * 1e9)
        for observed in observer.until(end_ns):
            _print(observed, fields, labels, full=full, as_json=as_json)
            printed += 1
            if printed == count:
                return 0
        if observer.ended:
            print(f"{session.description.name} has ended", file=sys.stderr)
        if not printed:
            print(f"no message was published on {topic!r}", file=sys.stderr)
        if observer.losses.missed:
            print(f"{observer.losses.missed:,} messages arrived too fast to be shown", file=sys.stderr)
    return 1 if count or not printed else 0


def _print(observed: Observed, wanted: Sequence[str], labels: Labels, *, full: bool, as_json: bool) -> None:
    values = fields(observed.document())
    header, head = values["header"], observed.envelope
    shown = selected(values, wanted or [name for name in values if name != "header"])
    missing = [path for path in wanted if path not in shown]
    if missing:
        raise GraphError(
            f"messages on {observed.topic!r} have no field {missing[0]!r}",
            file="--fields",
            hint=f"they have {', '.join(values)}",
        )
    if as_json:
        print_line(
            {
                "topic": observed.topic,
                "key": observed.key,
                "header": json_value(header),
                "fields": json_value(shown, full=full),
            }
        )
        return
    key = f" for {observed.key}" if observed.key else ""
    delay_ms = (observed.arrived_ns - head.stamp_ns) / 1e6
    lines = [
        f"--- {observed.topic}{key} from {head.source}, {head.sequence:,}, at {head.stamp_ns / 1e9:.6f} s, "
        f"under way for {delay_ms:.2f} ms",
        *as_lines(labels.on(shown, head.stamp_ns), full=full),
    ]
    print("\n".join(lines), flush=True)
