"""Text that must be one of several names, which are looked up when a value is checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from rtgraph.msgs.typed.nearest import nearest


@dataclass(frozen=True, slots=True)
class OneOf:
    """An annotation for pydantic: ``Annotated[str, OneOf("stagger method", stagger_names)]``.

    ``names`` returns the valid names. It is called only if the value is not one of ``common``, which are always valid.
    """

    noun: str
    names: Callable[[], Sequence[str]]
    common: Sequence[str] = ()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the pydantic schema of the annotated type, followed by the check of the name."""
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def _checked(self, name: str) -> str:
        if name not in self.common and name not in (names := self.names()):
            raise ValueError(f"unknown {self.noun} {name!r}. hint: {nearest(name, names)}")
        return name
