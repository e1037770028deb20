"""Hints for unknown names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the hint ``did you mean 'x'?``; up to 12 words to choose from if no word is similar; None if there are no words."""
    known = sorted(set(words))
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    if not known:
        return None
    shown = ", ".join(known[:12])
    return f"choose from {shown}{f' and {len(known) - 12} more' if len(known) > 12 else ''}"
