import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rtgraph.msgs.errors import ReplayError
from rtgraph.nodes.replay.sampling.sumtree import SumTree

VALUES = arrays.arrays(
    np.float64,
    st.integers(1, 40) | st.integers(1000, 1100),
    elements=st.sampled_from([0.0, 1e-12, 0.1, 0.3, 1.0, 7.0, 1e9]),
)


def tree_of(values):
    tree = SumTree(values.size)
    tree.set(np.arange(values.size), values)
    return tree


@settings(max_examples=70, deadline=None)
@given(VALUES.map(np.round), st.integers(0, 2**32))
def test_a_leaf_is_found_where_the_running_sum_first_exceeds_the_mass(values, seed):
    # Whole numbers, so that sums are exact in any order.
    tree = tree_of(values)
    running = np.cumsum(values)
    assert tree.total == running[-1]
    if not tree.total:
        with pytest.raises(ReplayError, match="all priorities are 0"):
            tree.find(np.zeros(1))
        return
    masses = np.concatenate([[0.0], np.random.default_rng(seed).random(30) * tree.total, running[:-1]])
    masses = masses[masses < tree.total]
    assert tree.find(masses).tolist() == np.searchsorted(running, masses, side="right").tolist()


@settings(max_examples=70, deadline=None)
@given(VALUES, st.integers(0, 2**32))
def test_a_leaf_of_no_value_is_never_found_however_sums_round(values, seed):
    tree = tree_of(values)
    if not tree.total:
        return
    rng = np.random.default_rng(seed)
    masses = np.append(rng.random(50) * tree.total, [0.0, np.nextafter(tree.total, 0)])
    found = np.concatenate([tree.find(np.minimum(masses, np.nextafter(tree.total, 0))), tree.draw(64, rng)])
    assert (values[found] > 0).all()


@settings(max_examples=60, deadline=None)
@given(VALUES, st.lists(st.tuples(st.integers(0, 1099), st.floats(0, 1e6)), max_size=60), st.integers(1, 9))
def test_values_set_in_batches_are_those_set_last(values, changes, size):
    tree, expected = tree_of(values), values.copy()
    changes = [(leaf % values.size, value) for leaf, value in changes]
    for begin in range(0, len(changes), size):
        batch = changes[begin : begin + size]
        tree.set(np.array([leaf for leaf, _ in batch]), np.array([value for _, value in batch]))
        for leaf, value in batch:
            expected[leaf] = value
    assert np.array_equal(tree[np.arange(values.size)], expected)
    for sums, anew in zip(tree.levels, tree_of(expected).levels, strict=True):
        assert np.array_equal(sums, anew), "sums drift from those made anew"


def test_draws_are_stratified_and_in_proportion():
    values = np.array([1.0, 0.0, 2.0, 5.0])
    counts = np.bincount(tree_of(values).draw(8_000, np.random.default_rng(0)), minlength=4)
    # One draw per stretch, so counts differ by at most the stretches that a leaf's edges cut.
    assert np.abs(counts - values * 1_000).max() <= 2


@pytest.mark.parametrize(
    ("leaves", "values"),
    [([0], [-1.0]), ([0], [np.nan]), ([0], [np.inf]), ([4], [1.0]), ([-1], [1.0])],
)
def test_what_is_no_value_or_no_leaf_is_refused_and_changes_nothing(leaves, values):
    tree = tree_of(np.arange(4.0))
    with pytest.raises(ReplayError):
        tree.set(np.array(leaves), np.array(values))
    assert tree.total == 6
