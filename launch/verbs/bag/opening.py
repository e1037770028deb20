"""Opening a recording for a person: what is wrong with it is said at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtgraph.nodes.recorder.bag import Bag


def opened(file: Path, *, check: bool = False) -> Bag:
    """Open a recording; warn on stderr of what is missing in it. ``check``: read all of it to find that out.

    Raises:
        BagError: it is none.
    """
    from rtgraph.nodes.recorder.bag import Bag  # noqa: PLC0415 - so that --help is instant

    bag = Bag.open(file)
    for problem in bag.verify() if check else bag.problems:
        print(f"warning: {file}: {problem}", file=sys.stderr)
    return bag
