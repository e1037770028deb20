"""The files of a recording that was split, in the order they were written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from rtgraph.msgs.errors import BagError
from rtgraph.nodes.recorder.container import PROFILE
from rtgraph.nodes.recorder.contents import header_of
from rtgraph.nodes.recorder.part import Part

_NAME = re.compile(r"(?P<stem>.+?)(?:-(?P<life>\d+))?(?:_(?P<number>\d+))?")


def numbered(path: Path, number: int) -> Path:
    """Return the name of one file of a split recording: ``session_3.mcap``."""
    return path.with_stem(f"{path.stem}_{number}")


def files_of(folder: Path) -> tuple[list[Part], list[str]]:
    """Open the recording in a folder: its parts in order, and what is wrong with other files.

    Files belong together when they are named alike but for the numbers (``session_0.mcap``; ``session-1.mcap``
    when the recorder was started anew) and have the same plan.

    Raises:
        BagError: there is none, or there are several.
    """
    problems: list[str] = []
    groups: dict[tuple[str, bytes | None], list[Part]] = {}
    for path in sorted(folder.glob("*.mcap"), key=_order):
        try:
            with path.open("rb") as file:
                profile = header_of(file)
            if profile is not None and profile != PROFILE:
                continue  # such as an export
            part = Part(path)
        except (BagError, OSError) as error:
            problems.append(str(error))
            continue
        plan = part.attachments().get("plan.yaml")
        groups.setdefault((_order(path)[0], None if plan is None else plan.data), []).append(part)
    if not groups:
        raise BagError(f"there is no recording in {folder}", hint="; ".join(problems) or None)
    if len(groups) > 1:
        names = ", ".join(part.path.name for parts in groups.values() for part in parts)
        raise BagError(f"there are several recordings in {folder}", hint=f"open one of them: {names}")
    (parts,) = groups.values()
    return parts, problems


def missing(parts: Iterable[Part]) -> Sequence[str]:
    """Return what to say of files missing between others."""
    problems = []
    numbers: dict[tuple[str, int], list[int]] = {}
    for part in parts:
        stem, life, number = _order(part.path)
        if number >= 0:
            numbers.setdefault((stem, life), []).append(number)
    for (stem, life), found in numbers.items():
        name = f"{stem}-{life}" if life else stem
        problems += [f"{name}_{n}.mcap is missing" for n in range(max(found)) if n not in found]
    return problems


def _order(path: Path) -> tuple[str, int, int]:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        return path.stem, 0, -1
    return match["stem"], int(match["life"] or 0), int(match["number"] or -1)
