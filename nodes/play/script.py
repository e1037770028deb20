"""Scripts of inputs: what is pressed at each tick, as text.

Each line is an action, by its name or number, and the number of ticks for which the action is held (1 if omitted).
``#`` begins a comment::

    NOOP 30    # half a second
    LEFT       # one tick
    DOWN 12

The first action is for the plant's tick 1: tick 0 resets.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Final

from rtgraph.msgs import Discrete
from rtgraph.msgs.errors import GraphError

SHIPPED: Final = Path(__file__).parent / "scripts"
MOST_TICKS: Final = 10_000_000


def read_script(name: str, actions: Discrete) -> tuple[int, ...]:
    """Return the action of each tick, by its index in ``actions``.

    Args:
        name: the path of a script, or the name of a script that comes with rtgraph.
        actions: the plant's actions, with their names.

    Raises:
        GraphError: the file cannot be read, has no actions or too many ticks, or a line is not an action and a number of ticks.
    """
    path = SHIPPED / f"{name}.txt"
    if "/" in name or not path.is_file():
        path = Path(name)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise GraphError(f"the script cannot be read: {error.strerror}", file=str(path)) from error
    except ValueError as error:
        raise GraphError("the script is not UTF-8 text", file=str(path)) from error
    script: list[int] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            action, ticks = _action(words[0], actions), _ticks(words[1:])
        except GraphError as error:
            raise GraphError(error.problem, file=str(path), line=number, hint=error.hint) from None
        if len(script) + ticks > MOST_TICKS:
            raise GraphError(f"the script has more than {MOST_TICKS:,} ticks", file=str(path), line=number)
        script += [action] * ticks
    if not script:
        raise GraphError(
            "the script has no actions", file=str(path), hint="write one action per line, such as: LEFT 3"
        )
    return tuple(script)


def _action(word: str, actions: Discrete) -> int:
    names = [name.upper() for name in actions.names]
    if word.upper() in names:
        return names.index(word.upper())
    if word.isdecimal() and len(word) < 10 and int(word) < actions.count:
        return int(word)
    close = difflib.get_close_matches(word.upper(), names, n=1)
    known = ", ".join(actions.names) or f"numbers from 0 to {actions.count - 1}"
    raise GraphError(
        f"{word!r} is not an action of this plant",
        hint=f"did you mean {close[0]}?" if close else f"the actions are {known}",
    )


def _ticks(words: list[str]) -> int:
    if not words:
        return 1
    if len(words) > 1 or not words[0].isdecimal() or not 0 < int(words[0][:10]) <= MOST_TICKS:
        raise GraphError(
            f"{' '.join(words)!r} is not a number of ticks from 1 to {MOST_TICKS:,}",
            hint="write an action and a number, such as: LEFT 3",
        )
    return int(words[0])
