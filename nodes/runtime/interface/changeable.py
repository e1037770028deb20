"""Parameters that can change while a node runs.

A parameter is read-only unless it is declared changeable::

    class WalkerParams(Params):
        rate_hz: float = 50.0
        stride_m: Changeable[float] = Field(default=0.3, gt=0, le=0.5)

Parameters in nested models are declared changeable in the same way.

The node's next handler finds the new value in ``self.params``. If a node caches a value derived from a parameter, its
``on_params`` updates this value. Parameters are identified by dotted paths, such as ``policy.epsilon``.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from rtgraph.msgs.declaration import built
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.typed.strict import complaint, strict

T = TypeVar("T")
B = TypeVar("B", bound=BaseModel)


class _Mark:
    """Marks a field as changeable."""


_UNKNOWN = "there is no such parameter"
_MARK = _Mark()
Changeable = Annotated[T, _MARK]
"""``Changeable[float]`` is a float that can change while the node runs."""


def changeable_values(params: BaseModel) -> dict[str, object]:
    """Return the values of the changeable parameters, by dotted path."""
    found: dict[str, object] = {}
    for name, field in type(params).model_fields.items():
        value = getattr(params, name)
        if _MARK in field.metadata:
            found[name] = value
        elif isinstance(value, BaseModel):
            found |= {f"{name}.{path}": inner for path, inner in changeable_values(value).items()}
    return found


def changeable_paths(model: type[BaseModel]) -> list[str]:
    """Return the dotted paths of a model's changeable parameters. For a union of models, these are the paths of all its models."""
    return list(dict.fromkeys(_paths(model, ())))


def with_values(params: B, values: Mapping[str, object]) -> B:
    """Return a copy of the parameters with new values at dotted paths.

    The values are validated as strictly as values in a file.

    Args:
        params: the current parameters.
        values: JSON values, by dotted path. A ``Typed`` value is text, which is read as the declared type of the parameter.

    Raises:
        NodeError: a parameter is unknown or read-only, or a value is invalid.
    """
    known = changeable_values(params)
    for path in values:
        if path not in known:
            unknown_or_read_only = _why_not(params, path)
            raise NodeError(f"{path}: {unknown_or_read_only}", hint=_which(params, path, known))
    content: dict[str, Any] = params.model_dump(mode="json", by_alias=True)
    for path, value in values.items():
        _put(content, params, path.split("."), value)
    try:
        changed = strict(TypeAdapter(built(type(params))), content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        named = next(
            (path for path in values if path == place or path.endswith(f".{place}")), ", ".join(values)
        )
        problem, hint = complaint(first)
        raise NodeError(f"{named}: {problem}", hint=hint) from error
    except ValueError as error:
        raise NodeError(f"{', '.join(values)}: {error}") from error
    _check_finite(changed, values)
    return changed


def written_values(params: BaseModel, paths: Iterable[str]) -> dict[str, Any]:
    """Return the values of the parameters at these dotted paths, as JSON values by path."""
    content = params.model_dump(mode="json", by_alias=True)
    return {path: _taken(content, params, path.split(".")) for path in paths}


def _taken(content: dict[str, Any], params: BaseModel, names: Sequence[str]) -> Any:
    first, *rest = names
    value = content[type(params).model_fields[first].alias or first]
    return _taken(value, getattr(params, first), rest) if rest else value


def _put(content: dict[str, Any], params: BaseModel, names: Sequence[str], value: object) -> None:
    first, *rest = names
    key = type(params).model_fields[first].alias or first
    if rest:
        _put(content[key], getattr(params, first), rest, value)
    else:
        content[key] = value


def _check_finite(params: BaseModel, paths: Iterable[str]) -> None:
    for path in paths:
        value = changeable_values(params).get(path)
        if isinstance(value, float) and not math.isfinite(value):
            raise NodeError(f"{path}: must be a finite number, not {value}")


def _paths(model: type[BaseModel], above: tuple[type[BaseModel], ...]) -> Iterator[str]:
    if model in above:
        return
    for name, field in model.model_fields.items():
        if _MARK in field.metadata:
            yield name
            continue
        for inner in _models(field.annotation):
            for path in _paths(inner, (*above, model)):
                yield f"{name}.{path}"


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    else:
        for argument in get_args(annotation):
            yield from _models(argument)


def _why_not(params: BaseModel, path: str) -> str:
    value: object = params
    for name in path.split("."):
        if isinstance(value, BaseModel) and name in type(value).model_fields:
            value = getattr(value, name)
        elif isinstance(value, Mapping) and name in value:
            value = value[name]
        else:
            return _UNKNOWN
    return "is read-only"


def _which(params: BaseModel, path: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(path, known, n=1)
    if close and path not in known:
        return f"did you mean {close[0]!r}?"
    if known:
        return f"the changeable parameters are {', '.join(known)}"
    names = type(params).model_fields
    if _why_not(params, path) == _UNKNOWN:
        return f"its parameters are {', '.join(names)}, all read-only" if names else "it has no parameters"
    return "all parameters of this node are read-only"
