"""Argparse types for numbers, names and pairs. Modules for parsing are imported at the first use, so that ``--help`` is fast."""

from __future__ import annotations

import argparse

MOST_PORT = 65535
MOST_SECONDS = 10**9
"""Maximum of a time in seconds, about thirty years. A much longer time in nanoseconds would need more than 64 bits."""


def whole(text: str) -> int:
    """Parse the text of a whole number.

    Raises:
        ArgumentTypeError: the text is not a whole number.
    """
    from rtgraph.msgs.typed.text import whole_number  # noqa: PLC0415 - so that --help is instant

    try:
        return whole_number(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def count(text: str) -> int:
    """Parse a whole number of at least 1.

    Raises:
        ArgumentTypeError: the text is not a whole number of at least 1.
    """
    number = whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"should be at least 1, not {text}")
    return number


def decimal(text: str) -> float:
    """Parse the text of a finite number.

    Raises:
        ArgumentTypeError: the text is not a finite number.
    """
    from rtgraph.msgs.typed.text import number  # noqa: PLC0415 - so that --help is instant

    try:
        return number(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def above_zero(text: str) -> float:
    """Parse a positive number of seconds or Hz.

    Raises:
        ArgumentTypeError: the number is not positive, or exceeds ``MOST_SECONDS``.
    """
    found = decimal(text)
    if not 0 < found <= MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"should be above 0 and at most {MOST_SECONDS}, not {text}")
    return found


def from_start(text: str) -> float:
    """Parse a time in seconds, counted from a start such as the start of a recording.

    Raises:
        ArgumentTypeError: the time is negative, or exceeds thirty years.
    """
    found = decimal(text)
    if not 0 <= found <= MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"should be from 0 to {MOST_SECONDS} seconds, not {text}")
    return found


def key_value(text: str) -> tuple[str, str]:
    """Parse ``KEY=VALUE``.

    Raises:
        ArgumentTypeError: there is no ``=``, or nothing before it.
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def words(text: str) -> tuple[str, ...]:
    """Parse names that are separated by commas.

    Raises:
        ArgumentTypeError: a name is empty, or given twice.
    """
    found = tuple(text.split(","))
    for word in found:
        if not word:
            raise argparse.ArgumentTypeError(f"{text!r} contains an empty name")
        if found.count(word) > 1:
            raise argparse.ArgumentTypeError(f"{word!r} is given twice")
    return found


def counts(text: str) -> tuple[int, ...]:
    """Parse whole numbers of at least 1 that are separated by commas.

    Raises:
        ArgumentTypeError: a part of the text is not a whole number of at least 1.
    """
    return tuple(count(word) for word in words(text))


def port(text: str) -> int:
    """Parse a TCP port number."""
    number = whole(text)
    if not 1 <= number <= MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: ports are 1 to {MOST_PORT}")
    return number
