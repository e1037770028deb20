"""Names and units of the elements of a plant's observations and actions, such as joints of a robot.

They are read from the plan of a running launch. The plan is the launch file with all references resolved.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rtgraph.launch.introspection.values import Labelled
from rtgraph.msgs.bag.export.plant.spec import RecordedSpec, parsed_plan, spec_in

LABELLED = ("Observation", "Applied", "Decision")
"""Message classes with observations or actions of the plant."""


class Labels:
    """The names and units that a plan gives to the array elements in messages of one class.

    Args:
        plan: the plan, as YAML.
        message: the path of the message class.
    """

    def __init__(self, plan: str, message: str) -> None:
        self._kind = message.rpartition(":")[2]
        self._spec = spec_in(parsed_plan(plan)) if self._kind in LABELLED else RecordedSpec()

    def on(self, values: Mapping[str, object], stamp_ns: int) -> dict[str, object]:
        """Return the fields of a message, with names and units of array elements, and with ages of captured data in ms.

        Args:
            values: the fields of the message, by name.
            stamp_ns: the time stamp of the message, in ns. The age is this time minus the time of capture.
        """
        return {name: self._on(name, value, stamp_ns) for name, value in values.items()}

    def _on(self, field: str, value: object, stamp_ns: int) -> object:
        if isinstance(value, Mapping):
            return {name: self._on(f"{field}.{name}", inner, stamp_ns) for name, inner in value.items()}
        if isinstance(value, int) and field.partition(".")[0] == "captured_ns":
            return f"{value}, {(stamp_ns - value) / 1e6:.2f} ms before"
        if isinstance(value, int) and field.partition(".")[0] == "captured_age_ns":
            return f"{value}, {value / 1e6:.2f} ms"
        if not isinstance(value, np.ndarray):
            return value
        names, units = self._spec.names_of(field), self._spec.units_of(field)
        names = names if len(names) == value.size else ()
        units = units if len(units) in (1, value.size) and value.size else ()
        return Labelled(value, names, units) if names or units else value
