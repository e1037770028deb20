"""References in files: ``${argument}``, ``${env:NAME}``, ``${spec:node.field}`` and ``${weights:name}``.

* ``${identity:node}``: the parameters that identify a plant's environment.
* ``${gate_of:argument}``: the gate (the rule by which a plant applies decisions) for the stagger method in an argument.
* ``${algorithm_of:weights}``: the learning algorithm of the named weights.
* ``${usual:node.argument}``: the usual value of a learning argument, given the action space of a plant node.
* ``${latency_of:latency}``: the latency model selected by ``latency``, ``latency_frames`` and ``latency_file``.
* ``${frames_of:latency}``: the mean of this latency model in frames.
* ``${a|b}``: the value of ``${a}``; if it is null, the value of ``${b}``.

A scalar that consists of one reference takes the type of the value; otherwise the value becomes part of the text.
``$${`` stands for ``${``. A value that replaces a reference is not searched for references. Environment variables, and texts of
which a reference is only a part, become ``Typed`` texts: the field that uses such a text decides its type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rtgraph.graphs.reading.positions import Place, Value
from rtgraph.msgs.errors import RtgraphError
from rtgraph.msgs.typed.nearest import nearest
from rtgraph.msgs.typed.text import Typed, number, readable

Lookup = Callable[[str, Place], Value]

_TOKEN = re.compile(r"(?P<escape>\$\$\{)|\$\{(?P<reference>[^${}]*)\}|(?P<bad>\$\{)")

_OF_NODES = ("spec", "identity", "weights", "algorithm_of", "usual", "latency_of", "frames_of")
_LATER = {"params", "network", "arguments", "if"}


class Arguments(dict[str, Value]):
    """The values of a file's arguments, by name. ``used`` holds the names of the arguments that were read."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        super().__init__(values)
        self.used: set[str] = set()

    def __getitem__(self, name: str) -> Value:
        self.used.add(name)
        return super().__getitem__(name)


@dataclass(frozen=True)
class References:
    """Resolves the references in one file, such as ``${name}``."""

    arguments: Mapping[str, Value] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    lookups: Mapping[str, Lookup] = field(default_factory=dict)
    """Functions that resolve references with a prefix, such as ``spec`` in ``${spec:plant.actions}``, by prefix."""

    def value(self, reference: str, place: Place) -> Value:
        """Return the value of a reference.

        Raises:
            GraphError: the reference cannot be resolved.
        """
        first, bar, others = reference.partition("|")
        if bar:
            value = self.value(first, place)
            return self.value(others, place) if value is None else value
        before, colon, name = reference.partition(":")
        if not colon:
            if reference not in self.arguments:
                raise place.error(f"unknown reference ${{{reference}}}", hint=self._hint(reference))
            return self.arguments[reference]
        if before == "env":
            if name not in self.environment:
                raise place.error(f"the environment variable {name!r} is not set", hint=f"export {name}=...")
            return _readable(self.environment[name], name, place)
        if before == "gate_of":
            return _gate_of(self.value(name, place), place)
        if before in self.lookups:
            return self.lookups[before](name, place)
        if before in _OF_NODES:
            raise place.error(
                f"${{{reference}}} cannot be used here",
                hint=f"{before} references are for params and networks",
            )
        raise place.error(
            f"unknown reference ${{{reference}}}",
            hint=nearest(before, ("env", "gate_of", *_OF_NODES)),
        )

    def _hint(self, name: str) -> str:
        return nearest(name, self.arguments) or "no arguments are declared; $${ stands for a literal ${"


def substitute(value: Value, place: Place, references: References) -> Value:
    """Return a value with all its references replaced.

    Raises:
        GraphError: a reference is malformed or cannot be resolved.
    """
    if isinstance(value, str):
        return _scalar(value, place, references)
    if isinstance(value, dict):
        return {key: substitute(item, place / key, references) for key, item in value.items()}
    if isinstance(value, list):
        return [substitute(item, place / index, references) for index, item in enumerate(value)]
    return value


def substitute_file(content: dict[str, Value], place: Place, references: References) -> Value:
    """Return a file's content with most references replaced.

    References in ``params``, ``network``, ``arguments`` and ``if`` of an entry stay. Their values may be unknown yet, or the
    entry may be switched off.
    """
    return {section: _entries(entries, place / section, references) for section, entries in content.items()}


def _entries(value: Value, place: Place, references: References) -> Value:
    if isinstance(value, dict):
        return {key: _entry(item, place / key, references) for key, item in value.items()}
    if isinstance(value, list):
        return [_entry(item, place / index, references) for index, item in enumerate(value)]
    return substitute(value, place, references)


def _entry(value: Value, place: Place, references: References) -> Value:
    if not isinstance(value, dict):
        return substitute(value, place, references)
    return {
        key: item if key in _LATER else substitute(item, place / key, references)
        for key, item in value.items()
    }


def escaped(text: str) -> str:
    """Return the text with ``${`` written as ``$${``, so that ``substitute`` gives back the original text."""
    return text.replace("${", "$${")


def false_parts(condition: bool | str, place: Place, references: References) -> tuple[str, ...]:
    """Return the parts of an ``if`` condition that are false; an empty tuple if the condition is true.

    An ``if`` is a boolean, ``A == B`` or ``A != B``, or several of these joined by ``and``.

    ``A`` and ``B`` are compared as numbers if at least one of them is a reference to a number, otherwise as text.

    Each false part is returned as it stands in the condition. It says what would have to be true. The boolean ``False`` has no
    parts, and gives ("true",).

    Raises:
        GraphError: the condition has none of these forms, or a reference in it cannot be resolved.
    """
    if isinstance(condition, bool):
        return () if condition else ("true",)
    # Every part is evaluated, so that an error in a later part is always reported.
    parts = re.split(r"\s+and\s+", condition.strip())
    return tuple(part for part in parts if not _holds(part, place, references))


def _holds(condition: str, place: Place, references: References) -> bool:
    sides = re.split(r"\s*(==|!=)\s*", condition.strip())
    values = [substitute(side, place, references) for side in sides[::2]]
    if len(sides) == 3 and all(sides):
        return _same(*values) == (sides[1] == "==")
    truths: dict[Value, bool] = {"true": True, "false": False}
    if len(sides) == 1 and isinstance(values[0], bool):
        return values[0]
    if len(sides) == 1 and isinstance(values[0], str) and values[0].lower() in truths:
        return truths[values[0].lower()]
    raise place.error(
        f"{condition!r} is not a condition",
        hint='write true, false, "A == B" or "A != B", with "and" between several',
    )


def _same(left: Value, right: Value) -> bool:
    if any(isinstance(side, (int, float)) and not isinstance(side, bool) for side in (left, right)):
        try:
            return number(_text(left)) == number(_text(right))
        except ValueError:
            return False
    return _text(left) == _text(right)


def _scalar(text: str, place: Place, references: References) -> Value:
    whole = _TOKEN.fullmatch(text)
    if whole and whole["reference"] is not None:
        return references.value(whole["reference"], place)

    def part(token: re.Match[str]) -> str:
        if token["escape"]:
            return "${"
        if token["bad"]:
            raise place.error(
                f"{text!r} has a ${{ without a name and a closing }}", hint="$${ stands for a literal ${"
            )
        value = references.value(token["reference"], place)
        if isinstance(value, (dict, list)):
            raise place.error(
                f"${{{token['reference']}}} is {'a mapping' if isinstance(value, dict) else 'a list'}, which cannot be part of a text",
                hint="use it as the whole value",
            )
        return _text(value)

    made = _TOKEN.sub(part, text)
    refers = any(token["reference"] is not None for token in _TOKEN.finditer(text))
    return Typed(made) if refers or isinstance(text, Typed) else made


def _gate_of(method: Value, place: Place) -> str:
    from rtgraph.nodes.inference.stagger import stagger_method  # noqa: PLC0415 - most graphs need none

    try:
        return stagger_method(_text(method)).gate
    except RtgraphError as error:
        raise place.error(error.problem, hint=error.hint) from error


def _readable(text: str, variable: str, place: Place) -> Typed:
    try:
        return Typed(readable(text))
    except ValueError as error:
        raise place.error(f"the environment variable {variable!r} is not UTF-8") from error


def _text(value: Value) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
