import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from rtgraph.msgs import ArraySpec, Continuous, Discrete, PartsSpec, PlantSpec
from rtgraph.msgs.plant import empty_observation
from rtgraph.msgs.spaces import WHOLE

WRIST = ArraySpec(dtype="uint8", shape=(8, 6, 3))
JOINTS = ArraySpec(dtype="float32", shape=(2,), unit="rad", names=("pan", "lift"))
ARM = Continuous(low=(-1, -1), high=(1, 1), names=("pan", "lift"), units=("rad", "rad"), command="position")


def plant(observation, action=ARM):
    return PlantSpec(rate_hz=50, observation=observation, action=action)


SEVERAL = plant(PartsSpec(parts={"wrist": WRIST, "joints": JOINTS}))


@pytest.mark.parametrize("spec", [plant(JOINTS), SEVERAL, plant(WRIST, Discrete(count=3))])
def test_a_spec_comes_back_from_json_with_its_parts_in_order(spec):
    back = TypeAdapter(PlantSpec).validate_json(spec.model_dump_json(), strict=True)
    assert back == spec
    assert list(back.parts) == list(spec.parts)


def test_what_is_not_said_is_left_out_of_dumps():
    plain = plant(ArraySpec(dtype="uint8", shape=(2,)), Continuous(low=(0,), high=(1,)))
    assert plain.model_dump() == {
        "rate_hz": 50,
        "observation": {"dtype": "uint8", "shape": (2,), "low": None, "high": None},
        "action": {"kind": "continuous", "low": (0,), "high": (1,)},
    }


def test_an_only_array_is_the_part_without_a_name():
    assert plant(JOINTS).parts == {WHOLE: JOINTS}
    assert plant(JOINTS).array == JOINTS
    with pytest.raises(ValueError, match=r"has 2 parts \(wrist, joints\), not one array"):
        _ = SEVERAL.array


def test_an_empty_observation_has_the_parts_of_the_spec():
    several = empty_observation(SEVERAL)
    assert all(SEVERAL.parts[name].admits(array) for name, array in several.items())
    assert list(several) == ["wrist", "joints"]
    assert JOINTS.admits(empty_observation(plant(JOINTS)))


def test_a_picture_is_of_bytes():
    assert WRIST.is_picture
    assert ArraySpec(dtype="uint8", shape=(8, 8)).is_picture
    assert not JOINTS.is_picture
    assert not ArraySpec(dtype="float32", shape=(8, 8)).is_picture
    assert (WRIST.size_bytes, JOINTS.size_bytes) == (144, 8)


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        (JOINTS, JOINTS, True),
        (JOINTS, ArraySpec(dtype="float32", shape=(2,)), True),
        (JOINTS, JOINTS.model_copy(update={"unit": "deg"}), False),
        (JOINTS, JOINTS.model_copy(update={"names": ("lift", "pan")}), False),
        (JOINTS, JOINTS.model_copy(update={"shape": (3,), "names": ()}), False),
        (JOINTS, WRIST, False),
        (SEVERAL.observation, PartsSpec(parts={"joints": JOINTS, "wrist": WRIST}), True),
        (SEVERAL.observation, PartsSpec(parts={"wrist": WRIST}), False),
        (SEVERAL.observation, JOINTS, False),
        (SEVERAL.observation, PartsSpec(parts={"wrist": WRIST, "joints": WRIST}), False),
    ],
)
def test_specs_agree_if_a_policy_for_one_fits_the_other(one, other, agree):
    assert plant(one).agrees_with(plant(other)) is agree
    assert plant(other).agrees_with(plant(one)) is agree


@pytest.mark.parametrize(
    ("change", "agree"),
    [
        ({}, True),
        ({"command": None}, True),
        ({"command": "velocity"}, False),
        ({"units": ()}, True),
        ({"units": ("deg", "deg")}, False),
        ({"names": ("lift", "pan")}, False),
        ({"low": (-2.0, -1.0)}, False),
    ],
)
def test_actions_agree_if_both_say_the_same_or_one_does_not_say(change, agree):
    assert plant(WRIST).agrees_with(plant(WRIST, ARM.model_copy(update=change))) is agree


def test_measurements_do_not_matter_and_the_rate_does():
    assert SEVERAL.agrees_with(SEVERAL.model_copy(update={"measurements": ("speed",)}))
    assert not SEVERAL.agrees_with(SEVERAL.model_copy(update={"rate_hz": 60.0}))


@pytest.mark.parametrize(
    "make",
    [
        lambda: ArraySpec(dtype="float32", shape=(3,), names=("pan", "lift")),
        lambda: ArraySpec(dtype="float32", shape=(2, 1), names=("pan", "lift")),
        lambda: ArraySpec(dtype="float32", shape=(2,), names=("pan", "pan")),
        lambda: Continuous(low=(0, 0), high=(1, 1), names=("pan",)),
        lambda: Continuous(low=(0, 0), high=(1, 1), units=("rad",)),
        lambda: Continuous(low=(0, 0), high=(1,)),
        lambda: Continuous(low=(0,), high=(1,), command="force"),
        lambda: PartsSpec(parts={}),
        lambda: PartsSpec(parts={"": JOINTS}),
        lambda: PartsSpec(parts=dict.fromkeys(("dtype", "shape", "buffer"), JOINTS)),
    ],
)
def test_a_spec_that_contradicts_itself_is_refused(make):
    with pytest.raises(ValidationError):
        make()


def test_admits_looks_at_dtype_and_shape():
    assert JOINTS.admits(np.zeros(2, np.float32))
    assert not JOINTS.admits(np.zeros(2))
