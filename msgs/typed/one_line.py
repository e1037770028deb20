"""An error as one line of text, for summaries and messages."""

from __future__ import annotations

from pydantic import ValidationError

from rtgraph.msgs.typed.strict import complaint

MAX_LINE_LENGTH = 300
"""Maximum length of an error's message in a summary; the log has the full text."""


def in_one_line(error: BaseException) -> str:
    """Return an error's name and message on one line of limited length."""
    if isinstance(error, ValidationError):
        return _invalid(error)[:MAX_LINE_LENGTH]
    text = " ".join(str(error).split())[:MAX_LINE_LENGTH]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _invalid(error: ValidationError) -> str:
    """Return the first of pydantic's errors, as ``Class.field: problem``, and how many more there are."""
    first, *others = error.errors(include_url=False)
    place = ".".join([error.title, *map(str, first["loc"])])
    problem = " ".join(complaint(first)[0].split())
    return f"{place}: {problem}" + (f", and {len(others)} more" if others else "")
