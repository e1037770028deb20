"""What `topic echo` prints of observations and actions: parts by name, elements with names and units."""

import json

import numpy as np
from support.arm import ARM_PLAN, joints_of, wrist_of

from rtgraph.launch.introspection.labels import Labels
from rtgraph.launch.introspection.values import as_json, as_lines

OBSERVATION = {
    "tick": 3,
    "value": {"joints": joints_of(1), "wrist": wrist_of(1), "load": np.array(0.25)},
    "captured_ns": {"joints": 50_000_000},
}


def test_elements_have_names_and_parts_a_unit():
    shown = Labels(ARM_PLAN, "rtgraph.msgs.plant:Observation").on(OBSERVATION, 80_000_000)
    lines = as_lines(shown)
    assert lines[:3] == ["tick: 3", "value:", "  joints: float32 2: pan 0.142857, lift -1 rad"]
    assert lines[3].startswith("  wrist: uint8 9×11×3, 0 to 25")
    assert lines[4:] == [
        "  load: float64 (), 0.25 to 0.25, mean 0.25",
        "captured_ns:",
        "  joints: 50000000, 30.00 ms before",
    ]
    found = as_json(shown)["value"]["joints"]
    assert (found["names"], found["units"], found["data"][1]) == (["pan", "lift"], ["rad"], -1)
    json.dumps(as_json(shown), allow_nan=False)


def test_each_number_of_an_action_has_its_unit():
    plan = ARM_PLAN.replace("command: velocity", "units: [rad/s, m/s], command: velocity")
    shown = Labels(plan, "rtgraph.msgs.plant:Applied").on({"action": np.array([0.5, 2]), "sent": None}, 0)
    assert as_lines(shown) == ["action: float64 2: pan 0.5 rad/s, lift 2 m/s", "sent: null"]


def test_the_age_of_each_part_at_a_tick_is_in_ms_too():
    ages = {"captured_age_ns": {"joints": 2_500_000, "wrist": 40_000_000}}
    assert as_lines(Labels(ARM_PLAN, "rtgraph.msgs.plant:Applied").on(ages, 0)) == [
        "captured_age_ns:",
        "  joints: 2500000, 2.50 ms",
        "  wrist: 40000000, 40.00 ms",
    ]


def test_other_messages_and_other_sizes_have_no_labels():
    values = {"value": {"joints": np.zeros(3)}, "action": np.zeros(2)}
    assert as_lines(Labels(ARM_PLAN, "own:Reading").on(values, 0)) == as_lines(values)
    assert "pan" not in as_lines(Labels(ARM_PLAN, "rtgraph.msgs.plant:Observation").on(values, 0))[1]
    unnamed = Labels("nodes: []", "rtgraph.msgs.plant:Observation").on({"value": np.zeros(2)}, 0)
    assert as_lines(unnamed) == ["value: float64 2: 0, 0"]
