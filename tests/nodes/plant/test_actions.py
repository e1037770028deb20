import numpy as np
import pytest

from rtgraph.msgs import Continuous, Discrete, MultiDiscrete
from rtgraph.nodes.plant.actions import (
    check_action,
    check_continuous,
    check_discrete,
    check_multi_discrete,
    clamped,
)

LOW, HIGH = np.array([-1.0, 0.0]), np.array([1.0, 2.0])


@pytest.mark.parametrize("action", [0, 2, np.int64(2), np.uint8(1), np.array(2)])
def test_whole_numbers_of_any_kind_are_discrete_actions(action):
    checked = check_discrete(action, 3)
    assert type(checked) is int
    assert checked == action


@pytest.mark.parametrize("action", [-1, 3, 1.0, np.float32(1), np.array([1]), "1", None])
def test_other_discrete_actions_are_refused(action):
    with pytest.raises(ValueError, match="expected a whole number from 0 to 2"):
        check_discrete(action, 3)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint64])
def test_vectors_of_whole_numbers_become_int64(dtype):
    checked = check_multi_discrete(np.array([0, 2], dtype), 2, 3)
    assert checked.dtype == np.int64
    assert checked.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ([0, 3], r"action\[1\] = 3: expected a whole number from 0 to 2"),
        ([-1, 0], r"action\[0\] = -1: expected a whole number from 0 to 2"),
        (np.array([0, 2**64 - 1], np.uint64), r"action\[1\] = 18446744073709551615"),
        ([0], r"expected 2 whole numbers, got shape \(1,\) of int64"),
        (1, r"expected 2 whole numbers, got shape \(\) of int64"),
        ([0.0, 1.0], r"expected 2 whole numbers, got shape \(2,\) of float64"),
    ],
)
def test_other_vectors_of_whole_numbers_are_refused(action, message):
    with pytest.raises(ValueError, match=message):
        check_multi_discrete(action, 2, 3)


@pytest.mark.parametrize("action", [[1.0, 0.0], np.array([-1, 2], np.float32), [0, 1]])
def test_numbers_within_their_ranges_become_float64(action):
    checked = check_continuous(action, LOW, HIGH)
    assert checked.dtype == np.float64
    assert checked.tolist() == list(action)


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ([0.0, -0.1], r"action\[1\] = -0.1: expected a number from 0.0 to 2.0"),
        ([float("nan"), 0.0], r"action\[0\] = nan: expected a number from -1.0 to 1.0"),
        ([0.0], r"expected 2 numbers, got shape \(1,\) of float64"),
        (0.0, r"expected 2 numbers, got shape \(\) of float64"),
        (["a", "b"], r"expected 2 numbers, got shape \(2,\) of <U1"),
    ],
)
def test_numbers_outside_are_refused(action, message):
    with pytest.raises(ValueError, match=message):
        check_continuous(action, LOW, HIGH)


BOUNDS = [0.1, 0.3, 0.7, 1 / 3, 2.0, 1e6 + 0.1, 1e-9, 5e-324, 3e38]


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_a_number_clipped_to_a_bound_is_within_it_whatever_type_it_is_cast_to(bound, dtype):
    low, high = np.array([-bound]), np.array([bound])
    with np.errstate(over="ignore", under="ignore"):
        for far in (1e308, -1e308):
            clipped_then_cast = np.clip(np.array([far]), low, high).astype(dtype)
            cast_then_clipped = np.clip(np.array([far]).astype(dtype), low.astype(dtype), high.astype(dtype))
            for action in (clipped_then_cast, cast_then_clipped):
                check_continuous(action, low, high)
                if dtype is np.float32:
                    check_continuous(action.astype(np.float64), low, high)


@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 0.1), (np.float16, 0.7)])
def test_a_number_clipped_to_a_bound_is_not_clamped_again(dtype, bound):
    action = np.array([bound]).astype(dtype)
    assert float(action[0]) > bound
    assert clamped(action, Continuous(low=(-bound,), high=(bound,))) is action


@pytest.mark.parametrize("bound", BOUNDS[:-2])
def test_the_next_number_beyond_a_bound_is_refused(bound):
    low, high = np.array([-bound]), np.array([bound])
    for dtype in (np.float32, np.float16):
        with np.errstate(over="ignore"):
            beyond = np.nextafter(np.array([bound]).astype(dtype), dtype(np.inf))
        for action in (beyond, -beyond):
            if np.isfinite(beyond).all() or dtype is np.float32:
                with pytest.raises(ValueError, match="expected a number from"):
                    check_continuous(action, low, high)
    twice_rounded = np.nextafter(np.float32(bound), np.float32(np.inf)).astype(np.float64)
    with pytest.raises(ValueError, match="expected a number from"):
        check_continuous(np.array([twice_rounded]), low, high)
    for wrong in (np.inf, -np.inf, np.nan):
        with pytest.raises(ValueError, match="expected a number from"):
            check_continuous(np.array([wrong]), low, high)


ARM = Continuous(low=(-1.0, 0.1), high=(1.0, 2.0))


@pytest.mark.parametrize(
    ("action", "given"),
    [
        (np.array([-3, 5], np.float32), np.array([-1, 2], np.float32)),
        (np.array([0.5, 0.0]), np.array([0.5, 0.1])),
        (np.array([-3, 1]), np.array([-1.0, 1.0])),
        ([2, 1], np.array([1.0, 1.0])),
    ],
    ids=str,
)
def test_a_number_beyond_its_range_is_moved_to_the_nearest_in_it(action, given):
    found = clamped(action, ARM)
    assert found.dtype == given.dtype
    assert np.array_equal(found, given)
    check_action(found, ARM)


@pytest.mark.parametrize("action", [np.array([1, 0.1], np.float32), np.array([0, 1]), [0.0, 1.0]], ids=str)
def test_an_action_in_range_is_given_as_it_is(action):
    assert clamped(action, ARM) is action
    assert clamped(2, Discrete(count=3)) == 2


@pytest.mark.parametrize(
    ("action", "spec"),
    [
        (np.array([np.nan, 1]), ARM),
        (np.array([np.inf, 1]), ARM),
        (np.array([1.0]), ARM),
        (np.array(["a", "b"]), ARM),
        (3, Discrete(count=3)),
        (np.array([3]), MultiDiscrete(size=1, count=3)),
    ],
    ids=str,
)
def test_what_no_clamping_makes_an_action_is_refused(action, spec):
    with pytest.raises(ValueError, match="expected"):
        clamped(action, spec)


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_a_clamped_number_is_in_range(bound, dtype):
    spec = Continuous(low=(-bound,), high=(bound,))
    for far in (np.finfo(dtype).max, np.finfo(dtype).min):
        with np.errstate(over="ignore", under="ignore"):
            check_action(clamped(np.array([far], dtype), spec), spec)
