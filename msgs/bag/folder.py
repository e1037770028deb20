"""The files of a split recording, in the order of writing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rtgraph.msgs.bag.bag_file import Part
from rtgraph.msgs.bag.bag_index import header_of
from rtgraph.msgs.bag.format.container import PROFILE, RECOVERED
from rtgraph.msgs.errors import BagError

_NAME = re.compile(r"(?P<stem>.+?)(?:-(?P<life>\d+))?(?:_(?P<number>\d+))?")
_PLAN = "plan.yaml"


def numbered(path: Path, number: int) -> Path:
    """Return the name of a file of a split recording, such as ``session_3.mcap``."""
    return path.with_stem(f"{path.stem}_{number}")


def files_of(folder: Path) -> tuple[list[Part], list[str]]:
    """Open the recording in a folder; return its files in order, and the problems found.

    Files belong together if their names differ only in the numbers (``session_0.mcap``; ``session-1.mcap`` after a restart of
    the recorder) and they hold the same plan (the resolved launch file). A file with a damaged plan belongs to the other files
    by its name alone, if all other files hold one and the same plan. Files that ``recover`` wrote beside a recording are left out.

    Raises:
        BagError: the folder holds no recording, or several.
    """
    problems: list[str] = []
    unreadable: list[Path] = []
    found: dict[str, list[Part]] = {}
    for path in sorted(folder.glob("*.mcap"), key=_order):
        try:
            with path.open("rb") as file:
                profile = header_of(file)
            if profile is not None and profile != PROFILE:
                continue  # such as an export
            part = Part(path)
        except (BagError, OSError) as error:
            problem = error.problem if isinstance(error, BagError) else f"{path} cannot be read: {error}"
            problems.append(problem)
            unreadable.append(path)
            continue
        found.setdefault(_order(path)[0], []).append(part)
    originals = {
        stem: parts for stem, parts in found.items() if not all(RECOVERED in p.contents.info for p in parts)
    }
    groups = [group for parts in (originals or found).values() for group in _by_plan(parts)]
    if not groups:
        raise BagError(f"there is no recording in {folder}", hint="; ".join(problems) or None)
    if len(groups) > 1:
        names = ", ".join(part.path.name for parts in groups for part in parts)
        raise BagError(f"there are several recordings in {folder}", hint=f"open one of them: {names}")
    return groups[0], [*problems, *_missing([*(part.path for part in groups[0]), *unreadable])]


def _by_plan(parts: Sequence[Part]) -> list[list[Part]]:
    """Divide files into recordings. The names of the given files differ only in their numbers.

    Files that hold the same plan (resolved launch file) are one recording. If the files hold at most one plan, all files are one
    recording, also files without a plan.
    """
    attached = [part.attachments().get(_PLAN) for part in parts]
    plans = [None if plan is None else plan.data for plan in attached]
    known = set(plans) - {None}
    if len(known) <= 1:
        for part, plan in zip(parts, plans, strict=True):
            if plan is None and known:
                part.problem("its plan is missing; its name says that it is a part of this recording")
        return [list(parts)]
    groups: dict[bytes | None, list[Part]] = {}
    for part, plan in zip(parts, plans, strict=True):
        groups.setdefault(plan, []).append(part)
    return list(groups.values())


def _missing(paths: Sequence[Path]) -> Sequence[str]:
    """Return a line of text for each missing file. A file is missing if the numbers have a gap, or do not begin at 0."""
    problems = []
    numbers: dict[tuple[str, int], list[int]] = {}
    for path in paths:
        stem, life, number = _order(path)
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
