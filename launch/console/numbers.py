"""Formats numbers for people."""

from __future__ import annotations

import math

NOTHING = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"


def rounded(value: float | None) -> str:
    """Return the text of a number with three significant digits.

    Numbers from 100 on are rounded to whole numbers. Whole numbers are in full, with commas between thousands. None is a dash.
    """
    return NOTHING if value is None else _significant(value, 3)


def percent(value: float | None) -> str:
    """Return the text of a percentage, with the sign %.

    It has two significant digits below 10, three up to 100, and no decimals from 100 on. None is a dash.
    """
    return NOTHING if value is None else f"{_significant(value, 3 if abs(value) >= 10 else 2)} %"


def signed(value: float) -> str:
    """Return the text of a number with its sign, + or -, and three significant digits."""
    return f"+{rounded(value)}" if value > 0 else rounded(value)


def _significant(value: float, digits: int) -> str:
    sign, value = _MINUS if value < 0 else "", abs(value)
    if value >= 100 or value == int(value):
        return f"{sign}{value:,.0f}"
    decimals = digits - 1 - math.floor(math.log10(value))
    return sign + f"{value:.{decimals}f}".rstrip("0").rstrip(".")
