"""The cyclic order of workers: by name, and after the last worker the first one."""

from __future__ import annotations

from collections.abc import Sequence


def natural_order(name: str) -> tuple[str, int]:
    """Return a sort key for a worker's name, so that worker/2 comes before worker/10."""
    head, _, tail = name.rpartition("/")
    return (head, int(tail)) if tail.isdigit() else (name, -1)


def distances(ring: Sequence[str], worker: str) -> list[tuple[str, int]]:
    """Return the other workers, each with its distance behind ``worker`` in cyclic order: 1 for the worker that comes next.

    Empty if ``worker`` is not in ``ring``.
    """
    if worker not in ring:
        return []
    here, size = ring.index(worker), len(ring)
    return [(other, (place - here) % size) for place, other in enumerate(ring) if other != worker]
