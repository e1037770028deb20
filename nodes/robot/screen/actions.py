"""The actions of a filmed game: each is a set of buttons to press together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rtgraph.msgs.errors import NodeError

NOOP = "NOOP"
"""The action that presses nothing."""
VERTICAL, HORIZONTAL, FIRE = ("UP", "DOWN"), ("RIGHT", "LEFT"), "FIRE"

ATARI_ACTIONS = (
    "NOOP",
    "FIRE",
    "UP",
    "RIGHT",
    "LEFT",
    "DOWN",
    "UPRIGHT",
    "UPLEFT",
    "DOWNRIGHT",
    "DOWNLEFT",
    "UPFIRE",
    "RIGHTFIRE",
    "LEFTFIRE",
    "DOWNFIRE",
    "UPRIGHTFIRE",
    "UPLEFTFIRE",
    "DOWNRIGHTFIRE",
    "DOWNLEFTFIRE",
)
"""All actions of the Atari 2600, with the names and the order of the Arcade Learning Environment."""

Pressed = frozenset[str]


def buttons_of(action: str) -> Pressed:
    """Return the buttons of an action: one of Atari's actions, or names of buttons joined by ``+``.

    Example:
        >>> sorted(buttons_of("UPRIGHTFIRE")), sorted(buttons_of("LEFT+A"))
        (['FIRE', 'RIGHT', 'UP'], ['A', 'LEFT'])
    """
    if action == NOOP:
        return frozenset()
    if action in ATARI_ACTIONS:
        vertical = next((name for name in VERTICAL if action.startswith(name)), "")
        rest = action.removeprefix(vertical)
        horizontal = next((name for name in HORIZONTAL if rest.startswith(name)), "")
        return frozenset({vertical, horizontal, rest.removeprefix(horizontal)} - {""})
    return frozenset(action.split("+"))


def check_actions(actions: Sequence[str]) -> None:
    """Check the names of actions.

    Raises:
        NodeError: the first action is not ``NOOP``, an action occurs twice, or the name of a button is empty.
    """
    if not actions or actions[0] != NOOP:
        raise NodeError(
            f"the first action must be {NOOP}, which presses nothing", hint=f"begin `actions` with {NOOP}"
        )
    if twice := [action for action in actions if actions.count(action) > 1]:
        raise NodeError(f"`actions` has {twice[0]!r} twice", hint="give each action once")
    if wrong := [action for action in actions if not all(buttons_of(action)) and action != NOOP]:
        raise NodeError(
            f"action {wrong[0]!r} has an empty button name",
            hint="write names of buttons joined by +, such as LEFT+A",
        )


def all_buttons(actions: Iterable[str], *more: Iterable[str]) -> tuple[str, ...]:
    """Return all buttons that the actions press, and the buttons in ``more``, in alphabetical order."""
    return tuple(sorted({button for action in actions for button in buttons_of(action)}.union(*more)))
