"""Which cells (single runs) of a study are computed: those with the wanted values, and of these one shard."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rtgraph.launch.studies.engine.joined import place_of
from rtgraph.launch.studies.study import Cell, Scale, Study
from rtgraph.msgs.errors import GraphError

_LONGEST_NAME = 120
_PLAIN = re.compile(r"[\w.,=+-]+")
"""Matches texts that can be part of a file name and need no quotes in a shell."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One of ``count`` shards, numbered from 1. Each cell (one run of a study) belongs to one shard, the same on every machine.

    Measurements of a machine's speed belong to every shard, because later cells use their results.
    """

    number: int
    count: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """The cells (single runs) of a study to compute: by default all."""

    only: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The values to run, as text, of some axes (varied parameters), by name of the axis. Other axes keep all values."""
    shard: Shard | None = None

    @property
    def everything(self) -> bool:
        """Whether all cells are chosen."""
        return not self.only and self.shard is None

    def check(self, study: Study) -> None:
        """Check that the axes exist.

        Raises:
            GraphError: the study has no such axis.
        """
        for axis in self.only:
            if axis not in study.axes:
                raise GraphError(
                    f"{study.name} has no axis {axis!r}",
                    file="command line",
                    hint=f"its axes are {', '.join(study.axes)}",
                )

    def of(self, study: Study, scale: Scale, cells: Sequence[Cell]) -> list[Cell]:
        """Return the chosen ones of ``cells``.

        A cell without a value on an axis fits every choice of values, because other cells may need its results.

        Raises:
            GraphError: a wanted value occurs in no cell.
        """
        for axis, values in self.only.items():
            there = {str(cell.at[axis]): None for cell in cells if axis in cell.at}
            for value in values if there else ():
                if value not in there:
                    raise GraphError(
                        f"{study.name} has no {axis} {value!r} at scale {scale}",
                        file="command line",
                        hint=f"the values of {axis} are {', '.join(there)}",
                    )
        return [cell for cell in cells if self._fits(cell) and self._is_in_shard(study, cell)]

    def name(self, study: Study, scale: Scale) -> str:
        """Return the name of the table and the picture, without suffix: the scale, followed by the choice.

        If the name is too long or has special characters, a digest replaces the choice.
        """
        wanted = [
            f"{axis}={','.join(sorted(set(self.only[axis])))}" for axis in study.axes if axis in self.only
        ]
        if self.shard is not None:
            wanted.append(f"shard={self.shard.number}of{self.shard.count}")
        name = "_".join((str(scale), *wanted))
        if len(name) <= _LONGEST_NAME and _PLAIN.fullmatch(name):
            return name
        return f"{scale}-{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"

    def _fits(self, cell: Cell) -> bool:
        return all(axis not in cell.at or str(cell.at[axis]) in values for axis, values in self.only.items())

    def _is_in_shard(self, study: Study, cell: Cell) -> bool:
        if self.shard is None or cell.work.alone:
            return True
        # By the cell's values: a study may add cells later, so the cell's position is not the same everywhere.
        place = "\0".join(place_of(study, cell.at))
        return zlib.crc32(place.encode()) % self.shard.count == self.shard.number - 1
