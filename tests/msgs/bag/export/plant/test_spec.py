import pytest
import yaml
from support.arm import ARM_PLAN
from support.recorded import PLAN

from rtgraph.msgs.bag.export.plant.spec import RecordedSpec, parsed_plan, spec_in


def test_the_spec_is_found_anywhere_in_the_plan():
    spec = spec_in(parsed_plan(ARM_PLAN))
    assert spec.rate_hz == 50
    assert spec.elements == {"joints": ("pan", "lift"), "wrist": (), "load": ()}
    assert spec.units["joints"] == "rad"
    assert (spec.action_names, spec.command) == (("pan", "lift"), "velocity")


@pytest.mark.parametrize("plan", [None, "", "nodes: []", "nodes: [", PLAN])
def test_without_a_spec_nothing_is_known(plan):
    assert spec_in(parsed_plan(plan)) == RecordedSpec()


def test_two_plants_are_not_guessed():
    plan = yaml.safe_load(ARM_PLAN)
    other = yaml.safe_load(ARM_PLAN)["nodes"][1]
    plan["nodes"].append(other)
    assert spec_in(plan).rate_hz == 50
    other["params"]["plant"]["rate_hz"] = 60.0
    assert spec_in(plan) == RecordedSpec()


def test_labels_of_discrete_actions_are_no_names_of_elements():
    plan = {"plant": {"rate_hz": 60, "observation": {}, "action": {"kind": "discrete", "names": ["UP"]}}}
    assert spec_in(plan).action_names == ()


def test_fields_of_messages_have_the_names_and_units_of_their_elements():
    spec = spec_in(parsed_plan(ARM_PLAN))
    assert (
        spec.names_of("value.joints") == spec.names_of("action") == spec.names_of("sent") == ("pan", "lift")
    )
    assert spec.units_of("value.joints") == ("rad",)
    for field in ("value", "value.wrist", "captured_ns.joints", "reward"):
        assert spec.names_of(field) == spec.units_of(field) == ()
