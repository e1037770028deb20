"""Arguments of graph and launch files: declared with a type, given as values or as text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rtgraph.graphs.names import nearest
from rtgraph.graphs.positions import Place, Value
from rtgraph.msgs.errors import GraphError


class ArgumentEntry(BaseModel):
    """An argument. Without a default it must be given; null means none, where that can be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["int", "float", "str", "bool"]
    default: Any = None
    minimum: float | None = Field(default=None, allow_inf_nan=False)
    maximum: float | None = Field(default=None, allow_inf_nan=False)
    choices: tuple[Any, ...] | None = Field(default=None, min_length=1)
    help: str = ""

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return "default" not in self.model_fields_set


_KINDS = {"int": "a whole number", "float": "a number", "str": "text", "bool": "true or false"}


def check_declaration(entry: ArgumentEntry, place: Place) -> None:
    """Check that what is declared goes together.

    Raises:
        GraphError: bounds on what is no number, a choice or default of another type, a default out of bounds.
    """
    for bound in ("minimum", "maximum"):
        if getattr(entry, bound) is not None and entry.type not in ("int", "float"):
            raise (place / bound).error(f"is for numbers, and this is {_KINDS[entry.type]}")
    if entry.minimum is not None and entry.maximum is not None and entry.minimum > entry.maximum:
        raise (place / "minimum").error(f"{entry.minimum:g} is above the maximum, {entry.maximum:g}")
    for index, choice in enumerate(entry.choices or ()):
        _typed(entry, choice, place / "choices" / index)
    _accepted(entry, entry.default, place / "default")


def resolved(
    declared: Mapping[str, ArgumentEntry],
    declarations: Place,
    given: Mapping[str, Value],
    giving: Place | None = None,
) -> dict[str, Value]:
    """Return the value of every argument, in the order of declaration.

    Args:
        declared: the arguments.
        declarations: where they are declared.
        given: values; text is parsed by the declared type.
        giving: where the values were written; None for a command line.

    Raises:
        GraphError: an argument is unknown, missing, of the wrong type, out of bounds or not among its choices.
    """
    for name in given:
        if name not in declared:
            raise (giving / name if giving else declarations).error(
                f"unknown argument {name!r}", hint=nearest(name, declared) or "there are no arguments"
            )
    values: dict[str, Value] = {}
    for name, entry in declared.items():
        if name in given:
            values[name] = _accepted(entry, given[name], giving / name if giving else declarations / name)
        elif entry.required:
            raise _missing(name, entry, declarations / name, giving)
        else:
            values[name] = _typed(entry, entry.default, declarations / name)
    return values


def _missing(name: str, entry: ArgumentEntry, declaration: Place, giving: Place | None) -> GraphError:
    if giving is None:
        return declaration.error(f"missing argument {name!r}", hint=f"add {name}=... ({_KINDS[entry.type]})")
    return giving.error(f"missing argument {name!r}", hint=f"it is declared in {declaration}")


def _accepted(entry: ArgumentEntry, given: Value, place: Place) -> Value:
    value = _typed(entry, given, place)
    if value is not None and entry.choices is not None:
        choices = [_typed(entry, choice, place) for choice in entry.choices]
        if value not in choices:
            raise place.error(
                f"{value!r} is not among the choices",
                hint=nearest(str(value), [str(choice) for choice in choices]),
            )
    if isinstance(value, (int, float)):
        if entry.minimum is not None and value < entry.minimum:
            raise place.error(f"{value} is below the minimum, {entry.minimum:g}")
        if entry.maximum is not None and value > entry.maximum:
            raise place.error(f"{value} is above the maximum, {entry.maximum:g}")
    return value


def _typed(entry: ArgumentEntry, given: Value, place: Place) -> Value:
    value = _parsed(entry, given) if isinstance(given, str) else given
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and entry.type == "float":
        value = float(value)
    if type(value).__name__ != entry.type:
        hint = "quote it" if entry.type == "str" and isinstance(value, (int, float)) else None
        raise place.error(f"should be {_KINDS[entry.type]}, not {given!r}", hint=hint)
    return value


def _parsed(entry: ArgumentEntry, text: str) -> Value:
    """Return text as the declared type, or as it is where that cannot be; ``null`` is none of any type."""
    if text == "null":
        return None
    try:
        match entry.type:
            case "int":
                return int(text)
            case "float":
                number = float(text)
                return number if math.isfinite(number) else text
            case "bool":
                return {"true": True, "false": False}.get(text.lower(), text)
            case "str":
                return text
    except ValueError:
        return text
