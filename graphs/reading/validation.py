"""Turns pydantic's errors into graph errors: line, key, problem, and a suggestion."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from rtgraph.graphs.names import MEANINGS
from rtgraph.graphs.reading.positions import Place
from rtgraph.msgs.declaration import built
from rtgraph.msgs.errors import GraphError
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.msgs.typed.strict import complaint, strict
from rtgraph.msgs.typed.text import shortened

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


def validated(model: type[M], value: object, place: Place, *, noun: str = "key") -> M:
    """Validate a value with a pydantic model, and return the model.

    Args:
        model: the pydantic model.
        value: the written value, with references replaced.
        place: where it was written.
        noun: what error messages call a field of the model, such as ``param``.

    Raises:
        GraphError: the value is invalid. The error names one problem: an unknown key if there is one, else the problem on the
            first line.
    """
    return _checked(TypeAdapter(built(model)), model, value, place, noun)


def adapted(adapter: TypeAdapter[T], annotation: object, value: object, place: Place) -> T:
    """Validate a value with a type that is not a pydantic model, such as a union of models, and return the result.

    Raises:
        GraphError: the value is invalid. The error names the file and the line of the problem.
    """
    return _checked(adapter, annotation, value, place, "key")


def _checked(adapter: TypeAdapter[T], annotation: object, value: object, place: Place, noun: str) -> T:
    try:
        return strict(adapter, value)
    except ValidationError as error:
        raise _graph_error(error, value, place, annotation, noun) from error
    except ValueError as error:
        raise place.error(str(error)) from error


def _graph_error(
    error: ValidationError, value: object, place: Place, annotation: object, noun: str
) -> GraphError:
    """Return the most important of pydantic's errors as a graph error: an unknown key, else the error on the first line."""
    located = [
        (details["type"] != "extra_forbidden", _place(details, value, place).line or 0, index, details)
        for index, details in enumerate(error.errors(include_url=False))
    ]
    *_, first = min(located, key=lambda item: item[:3])
    problem, hint = _told(first, annotation, noun)
    at = _place(first, value, place)
    return at.error(_field_elsewhere(first, at, annotation) + problem, hint=hint)


def _field_elsewhere(details: ErrorDetails, at: Place, annotation: object) -> str:
    """Return the field's name and ": " if the error's place in the file does not name the field; else an empty text."""
    *parts, name = details["loc"] or ("",)
    named = details["type"] in {"extra_forbidden", "missing"} or at.path[-1:] == (name,)
    return f"{name}: " if not named and name in _fields(annotation, tuple(parts)) else ""


def _place(details: ErrorDetails, value: object, place: Place) -> Place:
    # Pydantic adds parts that are in no file, such as the tag of a union or "[key]".
    current = value
    for part in details["loc"]:
        if isinstance(current, (Mapping, list, tuple)) and _has(current, part):
            current, place = current[part], place / part  # type: ignore[index]
    return place / details["loc"][-1] if details["type"] == "missing" else place


def _has(value: Mapping[str, object] | Sequence[object], part: int | str) -> bool:
    return part in value if isinstance(value, Mapping) else isinstance(part, int) and part < len(value)


def _told(details: ErrorDetails, annotation: object, noun: str) -> tuple[str, str | None]:
    context: dict[str, Any] = details.get("ctx", {})
    given, name = details["input"], str(details["loc"][-1]) if details["loc"] else ""
    match details["type"]:
        case "extra_forbidden":
            return f"unknown {noun} {name!r}", nearest(name, _fields(annotation, details["loc"][:-1]))
        case "missing":
            return f"missing {noun} {name!r}", None
        case "union_tag_invalid":
            tag, tags = str(context["tag"]), str(context["expected_tags"])
            problem = f"unknown {str(context['discriminator']).strip(chr(39))} {tag!r}"
            return problem, nearest(tag, tags.replace("'", "").split(", "))
        case "union_tag_not_found":
            return f"missing {noun} {context['discriminator']}", None
        case "string_pattern_mismatch" if context["pattern"] in MEANINGS:
            return f"{shortened(given)} is not {MEANINGS[context['pattern']]}", None
    return complaint(details)


def _fields(annotation: object, path: tuple[int | str, ...]) -> set[str]:
    """Return the field names of the model at a path inside a type."""
    models = _models(annotation)
    for part in path:
        inner = [_models(m.model_fields[part].annotation) for m in models if part in m.model_fields]
        # A part that is not a field may be the tag that selects one of several models.
        models = set().union(*inner) if inner else {m for m in models if _is_tagged(m, part)} or models
    return {field.alias or name for model in models for name, field in model.model_fields.items()}


def _is_tagged(model: type[BaseModel], tag: object) -> bool:
    literals = (f.annotation for f in model.model_fields.values() if get_origin(f.annotation) is Literal)
    return any(tag in typing.get_args(literal) for literal in literals)


def _models(annotation: object) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return set().union(*map(_models, typing.get_args(annotation)))
