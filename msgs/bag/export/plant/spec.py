"""The parts of a recorded plant's spec that exports need. A recording holds the spec in its plan, the resolved launch file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from rtgraph.msgs.spaces import WHOLE

ACTIONS = ("action", "sent")
"""The names of message fields that hold an action."""


@dataclass(frozen=True, slots=True)
class RecordedSpec:
    """The spec of a recorded plant (emulator or robot): its rate, actions and observations.

    An entry that the recorded plan lacks is None or empty.

    ``elements`` maps each part of an observation to the names of its elements, ``units`` to the unit of its elements.
    """

    rate_hz: float | None = None
    elements: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    action_names: tuple[str, ...] = ()
    action_units: tuple[str, ...] = ()
    command: str | None = None

    def names_of(self, field: str) -> tuple[str, ...]:
        """Return the names of the elements of a field: ``value``, ``value.PART``, ``action`` or ``sent``; empty without names."""
        kind, _, part = field.partition(".")
        return (
            self.action_names if field in ACTIONS else self.elements.get(part, ()) if kind == "value" else ()
        )

    def units_of(self, field: str) -> tuple[str, ...]:
        """Return the units of a field's elements: one unit for each element, one unit for all, or empty if unknown."""
        kind, _, part = field.partition(".")
        unit = self.units.get(part, "") if kind == "value" else ""
        return self.action_units if field in ACTIONS else (unit,) if unit else ()


def spec_in(plan: object) -> RecordedSpec:
    """Return the spec of the plant in a parsed plan (resolved launch file).

    The spec is empty if the plan has no plant, or plants with different specs.

    Unknown and missing keys are ignored: another version may have written the plan.
    """
    specs: list[dict[str, Any]] = []
    for spec in _specs(plan):
        if spec not in specs:
            specs.append(spec)
    if len(specs) != 1:
        return RecordedSpec()
    spec, observation = specs[0], specs[0]["observation"]
    parts = observation.get("parts") or {WHOLE: observation}
    action = spec["action"]
    vector = action.get("kind") != "discrete"
    return RecordedSpec(
        rate_hz=float(spec["rate_hz"]),
        elements={name: tuple(map(str, part.get("names") or ())) for name, part in parts.items()},
        units={name: str(part.get("unit") or "") for name, part in parts.items()},
        action_names=tuple(map(str, action.get("names") or ())) if vector else (),
        action_units=tuple(map(str, action.get("units") or ())),
        command=action.get("command"),
    )


def parsed_plan(plan_yaml: str | None) -> object:
    """Return a plan (resolved launch file) as plain values; None if ``plan_yaml`` is None or not valid YAML."""
    try:
        return yaml.safe_load(plan_yaml) if plan_yaml else None
    except yaml.YAMLError:
        return None


def _specs(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.keys() >= {"rate_hz", "observation", "action"} and all(
            isinstance(value[name], dict) for name in ("observation", "action")
        ):
            yield value
            return
        for inner in value.values():
            yield from _specs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _specs(inner)
