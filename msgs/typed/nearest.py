"""Hints for unknown names: the most similar valid name, or a list of valid names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the hint ``did you mean 'x'?`` or, if no word is similar, up to 12 words to choose from; None without words."""
    known = sorted(set(words))
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    if not known:
        return None
    shown = ", ".join(known[:12])
    return f"choose from {shown}{f' and {len(known) - 12} more' if len(known) > 12 else ''}"
