"""Means over seeds, and their intervals."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from rtgraph.launch.studies.engine.table import Mean


def test_the_interval_is_that_of_a_slow_bootstrap() -> None:
    values = [3.0, 5.0, 4.0, 9.0, 2.0]
    rng = np.random.default_rng(1)
    means = sorted(statistics.fmean(rng.choice(values, len(values))) for _ in range(20_000))
    found = Mean.of(values)
    assert found.mean == pytest.approx(4.6)
    assert found.low == pytest.approx(means[500], abs=0.21)
    assert found.high == pytest.approx(means[19_500], abs=0.21)


def test_one_value_or_equal_ones_have_no_interval() -> None:
    assert str(Mean.of([2.5])) == str(Mean.of([2.5, 2.5])) == "2.5"
    assert Mean.of([1, 3]).low < 2 < Mean.of([1, 3]).high


def test_the_same_values_give_the_same_interval() -> None:
    assert Mean.of([1, 2, 3]) == Mean.of([1, 2, 3])
