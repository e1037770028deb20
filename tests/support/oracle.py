"""A slow parser of typed text, to compare the fast one with."""

from decimal import Decimal
from fractions import Fraction

DIGITS = "0123456789"


def sign_and_rest(text: str) -> tuple[int, str]:
    if text[:1] == "-":
        return -1, text[1:]
    return 1, text[1:] if text[:1] == "+" else text


def whole(text: str) -> int | None:
    """Return the whole number in decimal digits with at most 64 bits; None if the text is not one."""
    sign, rest = sign_and_rest(text)
    if not rest:
        return None
    value = 0
    for character in rest:
        if character not in DIGITS:
            return None
        value = 10 * value + DIGITS.index(character)
    value *= sign
    return value if -(2**63) <= value < 2**64 else None


def digits(text: str) -> bool:
    return all(character in DIGITS for character in text)


def decimal(text: str) -> Fraction | None:
    """Return the exact number in decimal notation; None if the text is not one, or has an excessive exponent."""
    mantissa, e, exponent = text.replace("E", "e").partition("e")
    if e and (whole(exponent) is None or abs(whole(exponent) or 0) > 10_000):
        return None
    sign, rest = sign_and_rest(mantissa)
    before, _, after = rest.partition(".")
    if not (before or after) or not digits(before) or not digits(after):
        return None
    value = 0
    for character in before + after:
        value = 10 * value + DIGITS.index(character)
    number = Fraction(value, 10 ** len(after))
    return sign * number * Fraction(10) ** (whole(exponent) or 0 if e else 0)


def nearest(text: str) -> float | None:
    """Return the float nearest to the number; None if the text is not one, or exceeds the range of floats."""
    exact = decimal(text)
    if exact is None:
        return None
    try:
        value = float(exact)
    except OverflowError:
        return None
    if exact == 0:
        return -0.0 if text.startswith("-") else 0.0
    return None if value == 0 or value in (float("inf"), float("-inf")) else value


def is_truth(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


assert nearest("0.1") == float(Decimal("0.1"))
