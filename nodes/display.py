"""Windows on the desktop, by pygame, which is an optional dependency."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.typed.extras import needed_by

if TYPE_CHECKING:
    import pygame

_INVISIBLE: Final = frozenset({"offscreen", "dummy", "evdev"})
"""SDL's video drivers without a visible window. SDL uses one of them if there is no display."""


def check_pygame() -> None:
    """Check that pygame is installed.

    Raises:
        MissingPackage: pygame is not installed.
    """
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    with needed_by("a window"):
        import pygame  # noqa: F401, PLC0415 - an optional dependency


def open_window(title: str, size: tuple[int, int], *, hint: str, resizable: bool = False) -> pygame.Surface:
    """Open the window of this process, and begin to listen to keyboard and gamepads.

    Raises:
        MissingPackage: pygame is not installed.
        NodeError: there is no display. The error shows ``hint``.
    """
    check_pygame()
    import pygame  # noqa: PLC0415 - an optional dependency

    try:
        pygame.display.init()
        if pygame.display.get_driver() in _INVISIBLE and "SDL_VIDEODRIVER" not in os.environ:
            raise pygame.error("there is no display")  # noqa: TRY301 - one error for both
        surface = pygame.display.set_mode(size, pygame.RESIZABLE if resizable else 0)
    except pygame.error as error:
        pygame.display.quit()
        raise NodeError(f"no window can be opened: {error}", hint=hint) from error
    pygame.display.set_caption(title)
    pygame.font.init()
    pygame.joystick.init()
    return surface


def close_window() -> None:
    """Close the window of this process."""
    import pygame  # noqa: PLC0415 - an optional dependency

    pygame.joystick.quit()
    pygame.display.quit()
