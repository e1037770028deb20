"""Maps the held buttons of a keyboard or gamepad to the actions of a plant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from rtgraph.msgs import Discrete

BUTTONS: Final = ("UP", "DOWN", "LEFT", "RIGHT", "A", "B", "START", "SELECT")
"""The buttons of a gamepad, which actions may be named after."""
NUMBER_KEYS: Final = "0123456789qwertyuiop"
"""The keys of actions that are not named after buttons. The key at index n is for action n."""

_BUTTON: Final = re.compile(r"[ _+-]*(UP|DOWN|LEFT|RIGHT|START|SELECT|FIRE|A|B)")
_IDLE: Final = frozenset({"NOOP", "NOP", "NONE", "IDLE", "STAY", "NOTHING"})
_KEYS: Final = {
    "UP": "up",
    "DOWN": "down",
    "LEFT": "left",
    "RIGHT": "right",
    "A": "X",
    "B": "Z",
    "START": "Enter",
    "SELECT": "right Shift",
}


def idle_action(actions: Discrete) -> int:
    """Return the index of the action that does nothing, by its name, such as NOOP; 0 if no action has such a name."""
    return next((number for number, name in enumerate(actions.names) if name.upper() in _IDLE), 0)


class Bindings:
    """Maps the buttons that are held to the actions of a plant.

    An action is named after one button or several, such as ``LEFT`` or ``UPRIGHTFIRE``; ``FIRE`` is A. An action that
    is not named after buttons has the key at its index in ``NUMBER_KEYS``. The idle action and actions with an index of 20
    or more have no such key. Button B acts as A if no action is named after B.

    Args:
        actions: the plant's actions.
        idle: the index of the action while no button is held.
    """

    def __init__(self, actions: Discrete, idle: int) -> None:
        self.idle = idle
        names = actions.names or tuple(map(str, range(actions.count)))
        self._buttons = {number: _buttons_of(name) for number, name in enumerate(names)}
        self._has_b = any("B" in buttons for buttons in self._buttons.values())
        self._numbered = {
            NUMBER_KEYS[number]: number
            for number, buttons in self._buttons.items()
            if not buttons and number != idle and number < len(NUMBER_KEYS)
        }
        self._names = names

    def action(self, held: Sequence[str]) -> int:
        """Return the index of the action for the held buttons and number keys, given in the order of pressing.

        Of the actions with all their buttons held, the action with the most buttons wins. If two have equally many, the
        action with the button pressed last wins. A number key wins over all buttons.
        """
        numbered = [self._numbered[key] for key in held if key in self._numbered]
        if numbered:
            return numbered[-1]
        pressed = ["A" if button == "B" and not self._has_b else button for button in held]
        best, rank = self.idle, (0, -1)
        for number, buttons in self._buttons.items():
            if buttons and buttons <= set(pressed):
                newest = max(place for place, button in enumerate(pressed) if button in buttons)
                if (len(buttons), newest) > rank:
                    best, rank = number, (len(buttons), newest)
        return best

    @property
    def help(self) -> tuple[str, ...]:
        """The action of each key, such as "X: FIRE", as lines of text."""
        used = {next(iter(buttons)): number for number, buttons in self._buttons.items() if len(buttons) == 1}
        by_button = (f"{_KEYS[button]}: {self._names[used[button]]}" for button in BUTTONS if button in used)
        return (*by_button, *(f"{key}: {self._names[number]}" for key, number in self._numbered.items()))


def _buttons_of(name: str) -> frozenset[str]:
    """Return the buttons that an action is named after; no buttons if the name contains anything else."""
    found, rest = [], name.upper()
    while rest and (match := _BUTTON.match(rest)):
        found.append("A" if match[1] == "FIRE" else match[1])
        rest = rest[match.end() :]
    return frozenset() if rest else frozenset(found)
