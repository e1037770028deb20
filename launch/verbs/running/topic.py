"""``rtgraph topic``: shows which messages are published in a running graph."""

from __future__ import annotations

import argparse

from rtgraph.launch.console.typed import above_zero, count, words
from rtgraph.launch.introspection.commands.options import add_action

EXAMPLE = """\
examples:
  rtgraph topic list
  rtgraph topic info decision
  rtgraph topic echo observation --count 1 --fields value,reward
  rtgraph topic hz observation --duration 5
  rtgraph topic pub beat '{"method": "paced", "live_workers": 3}' --rate 2 --count 10
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``rtgraph topic`` to its parser."""
    parser.description = "Inspect the topics of a running graph. Inspection does not disturb the graph."
    parser.epilog = EXAMPLE
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = add_action(actions, "list", "list topics", "rtgraph topic list --json")
    listing.add_argument("--all", action="store_true", help="include the runtime's internal topics")
    _topic(
        add_action(
            actions, "info", "show publishers and subscribers of a topic", "rtgraph topic info decision"
        )
    )
    echo = _topic(
        add_action(actions, "echo", "print messages", "rtgraph topic echo applied --json --count 5"),
        keyed=True,
    )
    echo.add_argument("--count", type=count, metavar="N", help="end after N messages")
    echo.add_argument("--duration", type=above_zero, metavar="S", help="end after S seconds")
    echo.add_argument(
        "--fields", type=words, default=(), metavar="A,B.C", help="print only these fields, by dotted path"
    )
    echo.add_argument(
        "--full", action="store_true", help="print every element of arrays, bytes and long lists"
    )
    for name, help_text in (
        ("hz", "measure the publishing rate"),
        ("bw", "measure the bandwidth"),
        ("delay", "measure the transport delay of messages"),
    ):
        meter = _topic(
            add_action(actions, name, help_text, f"rtgraph topic {name} observation --duration 3"), keyed=True
        )
        meter.add_argument(
            "--window",
            type=above_zero,
            default=10.0,
            metavar="S",
            help="window of the measurement in seconds (default: 10)",
        )
        meter.add_argument("--count", type=count, metavar="N", help="end after N messages")
        meter.add_argument("--duration", type=above_zero, metavar="S", help="end after S seconds")
    pub = _topic(
        add_action(
            actions,
            "pub",
            "publish messages",
            'rtgraph topic pub beat \'{"method": "paced", "live_workers": 3}\'',
        ),
        keyed=True,
    )
    pub.add_argument("fields", metavar="JSON", help="the message's fields")
    pub.add_argument("--rate", type=above_zero, metavar="HZ", help="publish repeatedly at this rate")
    pub.add_argument(
        "--count", type=count, metavar="N", help="number of messages (default: 1; with --rate: until Ctrl-C)"
    )


def run(args: argparse.Namespace) -> int:
    """Run the chosen action of ``rtgraph topic``, and return the exit code."""
    # Imported late, so that --help is instant.
    from rtgraph.launch.introspection.sessions import pick  # noqa: PLC0415

    session = pick(args.session)
    match args.action:
        case "list":
            from rtgraph.launch.introspection.commands.topics import print_list  # noqa: PLC0415

            return print_list(session, everything=args.all, as_json=args.json)
        case "info":
            from rtgraph.launch.introspection.commands.topics import print_info  # noqa: PLC0415

            return print_info(session, args.topic, as_json=args.json)
        case "echo":
            from rtgraph.launch.introspection.commands.echo import echo  # noqa: PLC0415

            return echo(
                session,
                args.topic,
                args.key,
                count=args.count,
                duration_s=args.duration,
                fields=args.fields,
                full=args.full,
                as_json=args.json,
            )
        case "pub":
            from rtgraph.launch.introspection.commands.pub import publish  # noqa: PLC0415

            return publish(
                session,
                args.topic,
                args.key,
                args.fields,
                rate_hz=args.rate,
                count=args.count,
                as_json=args.json,
            )
        case _:
            from rtgraph.launch.introspection.commands.metering import measure  # noqa: PLC0415

            return measure(
                session,
                args.topic,
                args.key,
                args.action,
                window_s=args.window,
                count=args.count,
                duration_s=args.duration,
                as_json=args.json,
            )


def _topic(parser: argparse.ArgumentParser, *, keyed: bool = False) -> argparse.ArgumentParser:
    parser.add_argument("topic", metavar="TOPIC", help="the full name, as in `rtgraph topic list`")
    if keyed:
        parser.add_argument("--key", metavar="NODE", help="for a keyed topic: the receiving node")
    return parser
