"""A process that records and flushes continuously, and reports by a pipe what it has flushed.

``python -m support.flushing FILE SEED``: after every flush it writes the number of messages written so far to stdout,
8 bytes each.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np
from support.bags import DECISION, INFO, OBSERVATION, PLAN

from rtgraph.msgs.bag.writing.writer import BagWriter

FLUSH_S = 0.003


def message(seed: int, number: int):
    """Return a message that is determined by its number."""
    generator = np.random.default_rng([seed, number])
    data = bytes(1000) + generator.bytes(int(generator.integers(0, 20_000)))
    return (OBSERVATION, DECISION)[number % 2], number, number * 1000, number * 1000 - 7, data


def main() -> None:
    path, seed = Path(sys.argv[1]), int(sys.argv[2])
    writer = BagWriter(path, info=INFO, attachments=[PLAN], chunk_bytes=1 << 16)
    number, due = 0, time.monotonic()
    while True:
        writer.write(*message(seed, number))
        number += 1
        if time.monotonic() >= due:
            writer.flush()
            os.write(1, number.to_bytes(8, "little"))
            due = time.monotonic() + FLUSH_S


if __name__ == "__main__":
    main()
