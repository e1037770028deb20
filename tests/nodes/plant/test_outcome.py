import logging

import numpy as np
import pytest

from rtgraph.msgs import ArraySpec, Discrete, PartsSpec, PlantSpec
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.plant import Step
from rtgraph.nodes.plant.outcome import Outcomes

SPEC = PlantSpec(rate_hz=60, observation=ArraySpec(dtype="float32", shape=(2,)), action=Discrete(count=2))
GOOD = np.zeros(2, np.float32)


def outcomes(spec=SPEC):
    return Outcomes("arm/0", spec, logging.getLogger("rtgraph.test"))


def step(**changes):
    return Step(**{"observation": GOOD, "reward": 1.0, "terminated": False, "truncated": False, **changes})


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"observation": np.zeros(3, np.float32)},
            r"the observation at tick 100 is float32 of shape \(3,\), but the spec has float32 of shape",
        ),
        (
            {"observation": np.zeros(2)},
            r"the observation at tick 100 is float64 of shape \(2,\), but the spec has float32",
        ),
        ({"observation": [0.0, 0.0]}, "the observation at tick 100 is a list"),
        ({"observation": None}, "the observation at tick 100 is a NoneType"),
        ({"reward": "1"}, "its reward is '1'"),
        ({"reward": None}, "its reward is None"),
        ({"reward": 1j}, "its reward is 1j"),
        ({"reward": np.ones(1)}, "its reward is array"),
        ({"terminated": 2}, "its terminated is 2"),
        ({"terminated": 1.0}, "its terminated is 1.0"),
        ({"truncated": "no"}, "its truncated is 'no'"),
        ({"truncated": None}, "its truncated is None"),
        ({"measurements": {"x": "1"}}, r"its measurements\['x'\] is '1'"),
        ({"measurements": [1.0]}, r"its measurements are \[1.0\]"),
        ({"measurements": {1: 1.0}}, "its measurements are {1: 1.0}"),
    ],
    ids=str,
)
def test_an_outcome_that_is_not_as_the_spec_says_names_the_plant_and_the_tick(changes, problem):
    with pytest.raises(NodeError, match=f"arm/0: {problem}") as caught:
        outcomes().step(step(**changes), 100)
    assert " at tick 100" in str(caught.value)


@pytest.mark.parametrize(
    ("measured", "problem"),
    [
        ({"speed": 1.0}, "missing 'heat'"),
        ({"speed": 1.0, "heat": 2.0, "x": 0.0}, "not in the spec: 'x'"),
        ({"speed": 1.0, "x": 0.0}, "missing 'heat'; not in the spec: 'x'"),
        ({}, "missing 'heat', 'speed'"),
    ],
)
def test_measurements_are_those_that_the_spec_names(measured, problem):
    named = outcomes(SPEC.model_copy(update={"measurements": ("speed", "heat")}))
    assert named.step(step(measurements={"heat": 2.0, "speed": 1.0}), 1).measurements["heat"] == 2.0
    with pytest.raises(
        NodeError, match=f"^arm/0: the measurements at tick 2 differ from the spec: {problem}$"
    ):
        named.step(step(measurements=measured), 2)


def test_a_step_of_another_kind_is_refused():
    with pytest.raises(
        NodeError, match=r"arm/0: step\(\) of its environment returned a tuple. hint: return .*Step\("
    ):
        outcomes().step((GOOD, 1.0, False, False, {}), 1)


def test_numbers_of_numpy_become_python_ones():
    found = outcomes().step(
        step(
            reward=np.float32(0.5),
            terminated=np.bool_(True),
            truncated=np.array(0),
            measurements={"x": np.int8(3), "y": np.array(2.5)},
        ),
        1,
    )
    assert (found.reward, found.terminated, found.truncated) == (0.5, True, False)
    assert [type(each) for each in (found.reward, found.terminated, found.truncated)] == [float, bool, bool]
    assert found.measurements == {"x": 3.0, "y": 2.5}


def test_what_is_not_finite_is_counted_and_warned_of_once(caplog):
    checked = outcomes()
    assert checked.result() == {}
    for tick in range(3):
        checked.observation(np.array([0, (np.nan, np.inf, 1.0)[tick]], np.float32), tick)
    assert checked.result()["not_finite"] == {"observations": 2}
    for later, reward in enumerate((np.nan, -np.inf, 10**400, 0.0)):
        checked.step(step(reward=reward), 7 + later)
    assert checked.result() == {
        "not_finite": {"observations": 2, "rewards": 3},
        "warnings": ["2 observations were not finite, the first at tick 0"],
    }
    assert [record.getMessage() for record in caplog.records] == [
        "one of the observations at tick 0 is not finite; further ones are only counted",
        "one of the rewards at tick 7 is not finite; further ones are only counted",
    ]


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), [[[0, 0, 0]]]]
)
def test_a_screen_of_another_kind_is_refused(image):
    with pytest.raises(
        NodeError, match=r"arm/0: its screen is .* at tick 1; expected \(height, width, 3\) uint8"
    ):
        outcomes().screen(image, 1)


SEVERAL = SPEC.model_copy(
    update={
        "observation": PartsSpec(
            parts={"wrist": ArraySpec(dtype="uint8", shape=(2, 2)), "joints": SPEC.observation}
        )
    }
)


def parts(**changes):
    return {"wrist": np.zeros((2, 2), np.uint8), "joints": GOOD} | changes


def test_an_observation_has_the_parts_of_the_spec():
    given = parts()
    assert outcomes(SEVERAL).step(step(observation=given), 1).observation is given


@pytest.mark.parametrize(
    ("observation", "problem"),
    [
        (GOOD, "the observation at tick 7 is a ndarray. hint: return a dict of numpy arrays: wrist, joints"),
        (
            {"wrist": np.zeros((2, 2), np.uint8)},
            "the observation at tick 7 has other parts than the spec: missing 'joints'$",
        ),
        (
            parts(more=GOOD),
            "the observation at tick 7 has other parts than the spec: not in the spec: 'more'$",
        ),
        (parts(joints=[0, 0]), "part 'joints' of the observation at tick 7 is a list"),
        (
            parts(joints=np.zeros(2)),
            r"part 'joints' of the observation at tick 7 is float64 of shape \(2,\), but the spec has",
        ),
        (
            parts(wrist=np.zeros((2, 3), np.uint8)),
            r"part 'wrist' of the observation at tick 7 is uint8 of shape \(2, 3\)",
        ),
    ],
    ids=str,
)
def test_other_parts_are_named(observation, problem):
    with pytest.raises(NodeError, match=f"arm/0: {problem}"):
        outcomes(SEVERAL).observation(observation, 7)


def test_a_part_that_is_not_finite_counts_once_a_tick():
    checked = outcomes(SEVERAL)
    nan = np.array([np.nan, 0], np.float32)
    for tick in range(3):
        checked.observation(parts(joints=nan), tick)
    assert checked.result()["not_finite"] == {"observations": 3}


def test_capture_times_are_whole_ns_of_parts_of_the_spec():
    assert outcomes(SEVERAL).captured({"joints": np.int64(5)}, 1) == {"joints": 5}
    assert outcomes().captured({"": 5}, 1) == {"": 5}
    for wrong in ({"elbow": 5}, {"joints": 5.0}, [5], None):
        with pytest.raises(
            NodeError, match=r"its capture times are .* at tick 1; expected a dict of ns by part"
        ):
            outcomes(SEVERAL).captured(wrong, 1)
