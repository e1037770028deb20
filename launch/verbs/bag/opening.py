"""Opens a recording for a verb, and reports its damage on stderr."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtgraph.msgs.bag.bag import Bag


def beside(file: Path, ending: str) -> Path:
    """Return a path beside a recording with another ending, such as ``run.csv`` for ``run.mcap`` and the ending ``.csv``.

    If the recording is a folder, the ending is added to the full name of the folder.

    Raises:
        GraphError: the path of the recording has no name, such as ``/``.
    """
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415 - so that --help is instant

    place = file if file.name not in ("", "..") else file.resolve()
    if not place.name:
        raise GraphError(f"no file name can be derived from {file}", hint="give --out")
    name = place.stem if place.suffix == ".mcap" and not place.is_dir() else place.name
    return place.with_name(f"{name}{ending}")


def opened(file: Path, *, check: bool = False) -> Bag:
    """Open a recording, and warn on stderr about damaged or missing parts.

    With ``check`` the whole recording is read, so that no damage is missed.

    Raises:
        BagError: the file is not a recording.
    """
    from rtgraph.msgs.bag.bag import Bag  # noqa: PLC0415 - so that --help is instant

    bag = Bag.open(file)
    for problem in bag.verify() if check else bag.problems:
        print(f"warning: {file}: {problem}", file=sys.stderr)
    return bag


def start_in(bag: Bag, start_s: float) -> int:
    """Convert a time from the start of a recording to a time of the recorded graph's clock, in ns.

    Args:
        bag: the recording.
        start_s: seconds from the start of the recording.

    Raises:
        GraphError: the recording is shorter than ``start_s``.
    """
    from rtgraph.msgs.errors import GraphError  # noqa: PLC0415 - so that --help is instant

    start_ns = bag.start_ns + round(start_s * 1e9)
    if start_ns > bag.end_ns:
        length_s = max(0, bag.end_ns - bag.start_ns) / 1e9
        raise GraphError(
            f"--start {start_s:g}: {bag.path} is only {length_s:.3f} s long", hint="give a smaller --start"
        )
    return start_ns
