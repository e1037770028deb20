"""Arguments of graph and launch files: their declarations, and their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rtgraph.graphs.reading.positions import Place, Value, parse
from rtgraph.msgs.errors import GraphError
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.msgs.typed.text import Typed, number, readable, shortened, truth, whole_number

Choices = Annotated[tuple[Any, ...], Field(min_length=1)]


class ArgumentEntry(BaseModel):
    """An argument that a file declares. An argument without a default is required; null is a valid default, and means no value."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    type: Literal["int", "float", "str", "bool", "mapping"]
    default: Any = None
    minimum: float | None = Field(default=None, allow_inf_nan=False)
    maximum: float | None = Field(default=None, allow_inf_nan=False)
    choices: Choices | Literal["stagger"] | None = Field(
        default=None, description="the allowed values; stagger: the names of all stagger methods"
    )
    help: str = ""

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return "default" not in self.model_fields_set

    def allowed(self) -> tuple[Any, ...] | None:
        """Return the allowed values; None for any."""
        if self.choices == "stagger":
            from rtgraph.nodes.inference.stagger import stagger_names  # noqa: PLC0415 - most graphs need none

            return stagger_names()
        return self.choices


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "mapping": "a mapping such as {key: value}",
}


def check_declaration(entry: ArgumentEntry, place: Place) -> None:
    """Check that the declaration of an argument is consistent.

    Raises:
        GraphError: bounds on a type that is not a number, a minimum above the maximum, a choice or default of the wrong type, a
            default out of bounds or not among the choices.
    """
    for bound in ("minimum", "maximum"):
        if getattr(entry, bound) is not None and entry.type not in ("int", "float"):
            raise (place / bound).error(f"is for numbers only, and the type of the argument is {entry.type}")
    if entry.minimum is not None and entry.maximum is not None and entry.minimum > entry.maximum:
        raise (place / "minimum").error(f"{entry.minimum:g} is above the maximum, {entry.maximum:g}")
    for index, choice in enumerate(entry.choices if isinstance(entry.choices, tuple) else ()):
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
        declared: the declarations by name.
        declarations: the place of the declarations, for errors.
        given: the given values by name. A ``Typed`` text is converted to the declared type.
        giving: the place of the given values, for errors; None for a command line.

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
    return giving.error(
        f"missing argument {name!r}", hint=f"give it a value: it is declared in {declaration}"
    )


def _accepted(entry: ArgumentEntry, given: Value, place: Place) -> Value:
    value = _typed(entry, given, place)
    allowed = None if value is None else entry.allowed()
    if allowed is not None:
        choices = [_typed(entry, choice, place) for choice in allowed]
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
    if isinstance(given, Typed):
        return _read(entry, given, place)
    if given is None:
        return None
    if isinstance(given, int) and not isinstance(given, bool) and entry.type == "float":
        return float(given)
    if _type_of(given) != entry.type:
        hint = None
        if entry.type == "str" and isinstance(given, (int, float)):
            hint = "quote it"
        elif isinstance(given, str) and isinstance(_tried(entry, given), (int, float)):
            hint = "leave out the quotes"
        raise place.error(f"should be {_KINDS[entry.type]}, not {shortened(given)}", hint=hint)
    return given


def _read(entry: ArgumentEntry, text: Typed, place: Place) -> Value:
    """Convert a text from the user to the declared type of an argument.

    The text ``null`` means None. For an argument of type str it means None only if the default is null.
    """
    if text == "null" and (entry.type != "str" or (entry.default is None and not entry.required)):
        return None
    try:
        # Text stays as typed: the param that receives it may be a number.
        return Typed(readable(text)) if entry.type == "str" else _READERS[entry.type](text)
    except ValueError as error:
        raise place.error(str(error)) from error


def _type_of(value: Value) -> str:
    return "mapping" if isinstance(value, dict) else type(value).__name__


def _mapping(text: str) -> dict[str, Value]:
    """Return a mapping written in YAML or JSON.

    Raises:
        ValueError: the text is not a mapping.
    """
    try:
        return parse(text, "").value
    except GraphError as error:
        raise ValueError(f"should be {_KINDS['mapping']}, not {shortened(text)}") from error


def _tried(entry: ArgumentEntry, text: str) -> Value:
    try:
        return _READERS[entry.type](text)
    except ValueError:
        return None


_READERS: dict[str, Callable[[str], Value]] = {
    "int": whole_number,
    "float": number,
    "bool": truth,
    "mapping": _mapping,
}
