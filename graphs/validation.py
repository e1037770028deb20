"""Pydantic's complaints, told as graph errors: which line, which key, what is wrong, what may have been meant."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from rtgraph.graphs.names import MEANINGS, nearest
from rtgraph.graphs.positions import Place
from rtgraph.msgs.errors import GraphError

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


def validated(model: type[M], value: object, place: Place, *, noun: str = "key") -> M:
    """Return the value as a model.

    Args:
        model: the pydantic model.
        value: what was written, references replaced.
        place: where it was written.
        noun: what the model's fields are called in messages.

    Raises:
        GraphError: the value does not fit; of several problems an unknown key comes first, then the first line.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise graph_error(error, value, place, model, noun=noun) from error


def adapted(adapter: TypeAdapter[T], annotation: object, value: object, place: Place) -> T:
    """Return the value as a type that is no model, such as a union of them. Raises as ``validated``."""
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise graph_error(error, value, place, annotation) from error


def graph_error(
    error: ValidationError, value: object, place: Place, annotation: object, *, noun: str = "key"
) -> GraphError:
    """Return the first of pydantic's errors as a graph error."""
    located = [
        (details["type"] != "extra_forbidden", _place(details, value, place).line or 0, index, details)
        for index, details in enumerate(error.errors(include_url=False))
    ]
    *_, first = min(located, key=lambda item: item[:3])
    problem, hint = _told(first, annotation, noun)
    return _place(first, value, place).error(problem, hint=hint)


def _place(details: ErrorDetails, value: object, place: Place) -> Place:
    # What pydantic adds of its own (the tag of a union, "[key]") is in no file.
    current = value
    for part in details["loc"]:
        if isinstance(current, (Mapping, list, tuple)) and _has(current, part):
            current, place = current[part], place / part  # type: ignore[index]
    return place / details["loc"][-1] if details["type"] == "missing" else place


def _has(value: Mapping[str, object] | Sequence[object], part: int | str) -> bool:
    return part in value if isinstance(value, Mapping) else isinstance(part, int) and part < len(value)


_KINDS = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "number_type": "a number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
}
_BOUNDS = {
    "greater_than": (">", "gt"),
    "greater_than_equal": ("≥", "ge"),
    "less_than": ("<", "lt"),
    "less_than_equal": ("≤", "le"),
}


def _told(details: ErrorDetails, annotation: object, noun: str) -> tuple[str, str | None]:
    context: dict[str, Any] = details.get("ctx", {})
    given, name = details["input"], str(details["loc"][-1]) if details["loc"] else ""
    problem, hint = f"{details['msg'].replace('Input should', 'should')}, not {_short(given)}", None
    match details["type"]:
        case "extra_forbidden":
            problem, hint = (
                f"unknown {noun} {name!r}",
                nearest(name, _fields(annotation, details["loc"][:-1])),
            )
        case "missing":
            problem = f"missing {noun} {name!r}"
        case "too_short":
            problem = "is empty, and should not be"
        case "union_tag_invalid":
            tag, tags = str(context["tag"]), str(context["expected_tags"])
            problem = f"unknown {str(context['discriminator']).strip(chr(39))} {tag!r}"
            hint = nearest(tag, tags.replace("'", "").split(", "))
        case "union_tag_not_found":
            problem = f"missing {noun} {context['discriminator']}"
        case "literal_error":
            problem = f"should be {context['expected']}, not {_short(given)}"
            hint = _meant(given, str(context["expected"]))
        case "string_type":
            problem = f"should be text, not {_short(given)}"
            hint = "quote it" if isinstance(given, (int, float)) else None
        case "string_pattern_mismatch" if context["pattern"] in MEANINGS:
            problem = f"{_short(given)} is not {MEANINGS[context['pattern']]}"
        case "value_error" | "assertion_error":
            problem = details["msg"].partition(", ")[2]
        case known if known in _KINDS:
            problem = f"should be {_KINDS[known]}, not {_short(given)}"
        case known if known in _BOUNDS:
            sign, bound = _BOUNDS[known]
            problem = f"should be {sign} {context[bound]}, not {_short(given)}"
    return problem, hint


def _meant(given: object, expected: str) -> str | None:
    words = expected.replace(" or ", ", ").replace("'", "").split(", ")
    hint = nearest(str(given), words)
    return hint if hint and hint.startswith("did") else None


def _short(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _fields(annotation: object, path: tuple[int | str, ...]) -> set[str]:
    """Return the fields that the model at a path would take."""
    models = _models(annotation)
    for part in path:
        inner = [_models(m.model_fields[part].annotation) for m in models if part in m.model_fields]
        # Where it is no field it may be a tag, by which one of several models was chosen.
        models = set().union(*inner) if inner else {m for m in models if _is_tagged(m, part)} or models
    return {field.alias or name for model in models for name, field in model.model_fields.items()}


def _is_tagged(model: type[BaseModel], tag: object) -> bool:
    literals = (f.annotation for f in model.model_fields.values() if get_origin(f.annotation) is Literal)
    return any(tag in typing.get_args(literal) for literal in literals)


def _models(annotation: object) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return set().union(*map(_models, typing.get_args(annotation)))
