"""Command-line arguments that several actions of ``rtgraph bag`` share."""

from __future__ import annotations

import argparse
from pathlib import Path

from rtgraph.launch.console.typed import above_zero, from_start


def add_recording(parser: argparse.ArgumentParser) -> None:
    """Add the argument FILE, a recording."""
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="an MCAP file, or the folder of a split recording"
    )


def add_span(parser: argparse.ArgumentParser, does: str) -> None:
    """Add the options ``--start`` and ``--duration``, which select a span of the recording.

    ``does`` is the verb that the help uses for the action, such as "play".
    """
    after = "start S seconds after the start of the recording"
    parser.add_argument("--start", type=from_start, default=0.0, metavar="S", help=after)
    parser.add_argument("--duration", type=above_zero, metavar="S", help=f"{does} S seconds")
