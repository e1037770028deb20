"""Typed numbers and booleans: exactly the value written, or an error; never another value."""

from __future__ import annotations

import math
import re

MOST_DIGITS = 40
LEAST_WHOLE = -(2**63)
MOST_WHOLE = 2**64 - 1
"""The largest integer: unsigned, with 64 bits. Negative integers are signed, with 64 bits."""

_WHOLE = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


class Typed(str):
    """Text from a command line or the environment. Validation converts this text to the type that the argument or parameter declares.

    A plain ``str`` is not converted.
    """

    __slots__ = ()


def whole_number(text: str) -> int:
    """Parse an integer in decimal digits; leading zeros are ignored.

    Raises:
        ValueError: the text is something else (0x10, 1_000, 1e3, 1.0), the number has more than 64 bits, or the text has
            more than 40 characters.
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"should be a whole number in decimal digits, not {shortened(text)}")
    number = int(text) if len(text) <= MOST_DIGITS else MOST_WHOLE + 1
    if not LEAST_WHOLE <= number <= MOST_WHOLE:
        raise ValueError(f"{shortened(text)} has more than 64 bits")
    return number


def number(text: str) -> float:
    """Parse a decimal number, such as ``-1.5e-3``; returns the nearest float.

    Raises:
        ValueError: the text is something else (nan, inf, 1_0), or the number is too large for a float, or so
            small that it would be 0.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"should be a finite number in decimal notation, not {shortened(text)}")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{shortened(text)} is too large for a float")
    if value == 0 and re.search("[1-9]", re.split("[eE]", text)[0]):
        raise ValueError(f"{shortened(text)} is too small: a float rounds it to 0")
    return value


def truth(text: str) -> bool:
    """Parse a boolean: ``true`` or ``false``, in any case.

    Raises:
        ValueError: the text is something else (1, on, yes).
    """
    found = {"true": True, "false": False}.get(text.lower())
    if found is None:
        raise ValueError(f"should be true or false, not {shortened(text)}")
    return found


def readable(text: str) -> str:
    """Return text unchanged if it can be encoded as UTF-8.

    Raises:
        ValueError: the text came from bytes that are not UTF-8, or holds half a surrogate pair.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"{shortened(text)} is not UTF-8") from error
    return text


def shortened(value: object) -> str:
    """Return a value quoted for an error message, shortened if it is long."""
    text = "nothing" if value is None else ascii(value) if _has_surrogates(value) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _has_surrogates(value: object) -> bool:
    return isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value)
