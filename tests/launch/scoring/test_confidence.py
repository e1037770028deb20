"""Student's t, compared with published tables."""

import math

import pytest

from rtgraph.launch.scoring.confidence import Spread, t_quantile


@pytest.mark.parametrize(
    ("degrees", "confidence", "t"),
    [  # Abramowitz and Stegun (1964), table 26.10
        (1, 0.95, 12.706),
        (2, 0.95, 4.303),
        (3, 0.95, 3.182),
        (4, 0.99, 4.604),
        (9, 0.95, 2.262),
        (29, 0.95, 2.045),
        (30, 0.9, 1.697),
        (120, 0.95, 1.980),
    ],
)
def test_quantiles(degrees, confidence, t):
    assert t_quantile(degrees, confidence) == pytest.approx(t, abs=5e-4)


def test_no_freedom_is_refused():
    with pytest.raises(ValueError, match="at least 1 degree of freedom, got 0"):
        t_quantile(0)


def test_a_spread_worked_out_by_hand():
    spread = Spread.of([1.0, 2.0, 6.0])
    assert (spread.count, spread.mean, spread.least, spread.median, spread.most) == (3, 3.0, 1.0, 2.0, 6.0)
    assert spread.sd == pytest.approx(math.sqrt(7))
    assert spread.half_width == pytest.approx(4.30265 * math.sqrt(7 / 3), rel=1e-5)


def test_one_value_has_no_interval():
    assert (Spread.of([4.0]).half_width, Spread.of([4.0]).sd) == (None, None)


def test_huge_values_have_a_spread_too() -> None:
    spread = Spread.of([1.5e308, -1.5e308, 1e308, 1e308])
    assert spread.mean == pytest.approx(0.5e308)
    assert (spread.least, spread.most, spread.median) == (-1.5e308, 1.5e308, pytest.approx(1e308))
    assert spread.sd == pytest.approx(1.3540064e308, rel=1e-6)
    assert spread.half_width is None  # it exceeds the range of a float
