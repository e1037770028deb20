"""Numbers on the command line, for argparse. What reads them is imported when there is something to read."""

from __future__ import annotations

import argparse

MOST_SECONDS = 10**9
"""Thirty years: nanoseconds beyond have more than 64 bits."""


def whole(text: str) -> int:
    """Return a whole number.

    Raises:
        ArgumentTypeError: it is something else.
    """
    from rtgraph.msgs.typed.text import whole_number  # noqa: PLC0415 - so that --help is instant

    try:
        return whole_number(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def count(text: str) -> int:
    """Return a whole number from 1 on.

    Raises:
        ArgumentTypeError: it is something else.
    """
    number = whole(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number


def decimal(text: str) -> float:
    """Return a finite number.

    Raises:
        ArgumentTypeError: it is something else.
    """
    from rtgraph.msgs.typed.text import number  # noqa: PLC0415 - so that --help is instant

    try:
        return number(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def above_zero(text: str) -> float:
    """Return a number of seconds or Hz.

    Raises:
        ArgumentTypeError: it is not above zero, or more than thirty years.
    """
    found = decimal(text)
    if not 0 < found <= MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most {MOST_SECONDS}")
    return found


def from_start(text: str) -> float:
    """Return a time, in seconds from a start.

    Raises:
        ArgumentTypeError: it is before the start, or more than thirty years.
    """
    found = decimal(text)
    if not 0 <= found <= MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {MOST_SECONDS}")
    return found


def words(text: str) -> tuple[str, ...]:
    """Return names with commas between them.

    Raises:
        ArgumentTypeError: one is empty, or stands there twice.
    """
    found = tuple(text.split(","))
    for word in found:
        if not word:
            raise argparse.ArgumentTypeError(f"{text!r} has an empty name in it")
        if found.count(word) > 1:
            raise argparse.ArgumentTypeError(f"{word!r} is given twice")
    return found


def counts(text: str) -> tuple[int, ...]:
    """Return whole numbers from 1 on, with commas between them.

    Raises:
        ArgumentTypeError: one is something else.
    """
    return tuple(count(word) for word in words(text))
