"""Formats numbers for people."""

from __future__ import annotations

import math

NOTHING = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"


def rounded(value: float | None) -> str:
    """Return a number with three significant digits; whole numbers in full, with thousands commas; None as a dash."""
    return NOTHING if value is None else _significant(value, 3)


def percent(value: float | None) -> str:
    """Return a percentage as text with its sign %: two significant digits below 10, three from 10 on, whole from 100 on; None as a dash."""
    return NOTHING if value is None else f"{_significant(value, 3 if abs(value) >= 10 else 2)} %"


def signed(value: float) -> str:
    """Return a number as ``rounded`` does, with a sign."""
    return f"+{rounded(value)}" if value > 0 else rounded(value)


def _significant(value: float, digits: int) -> str:
    sign, value = _MINUS if value < 0 else "", abs(value)
    if value >= 100 or value == int(value):
        return f"{sign}{value:,.0f}"
    decimals = digits - 1 - math.floor(math.log10(value))
    return sign + f"{value:.{decimals}f}".rstrip("0").rstrip(".")
