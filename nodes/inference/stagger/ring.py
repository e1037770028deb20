"""The cyclic order of workers: by name, and after the last worker the first one."""

from __future__ import annotations

from collections.abc import Sequence


def natural_order(name: str) -> tuple[str, int]:
    """Return a sort key of a worker's name, by which worker/2 comes before worker/10."""
    head, _, tail = name.rpartition("/")
    return (head, int(tail)) if tail.isdigit() else (name, -1)


def distances(ring: Sequence[str], worker: str) -> list[tuple[str, int]]:
    """Return every other worker with its distance behind ``worker`` in the cyclic order: 1 for the next worker."""
    if worker not in ring:
        return []
    here, size = ring.index(worker), len(ring)
    return [(other, (place - here) % size) for place, other in enumerate(ring) if other != worker]
