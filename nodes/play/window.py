"""A window that shows a plant and reads keyboard and gamepad, by pygame, an optional dependency."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from rtgraph.nodes.display import close_window, open_window
from rtgraph.nodes.play.bindings import NUMBER_KEYS

if TYPE_CHECKING:
    import pygame

_SIZE: Final = (640, 576)
"""Width and height of the picture, at first. A person may drag the window to another size."""
_TEXT_ROWS: Final = 3
_ROW_HEIGHT: Final = 24
_PRESSED_AXIS: Final = 0.5
_NO_DISPLAY: Final = (
    "play where there is a display, or play a script in the virtual world: --world virtual --script FILE"
)
_KEYS: Final = {
    "UP": "UP",
    "DOWN": "DOWN",
    "LEFT": "LEFT",
    "RIGHT": "RIGHT",
    "x": "A",
    "SPACE": "A",
    "z": "B",
    "RETURN": "START",
    "RSHIFT": "SELECT",
}
"""The button of each key, by pygame's name of the key."""
_PAD_BUTTONS: Final = {0: "A", 1: "B", 6: "SELECT", 7: "START"}
"""The button for each number that most gamepads use."""


class Window:
    """A window that shows the plant's picture and the meaning of the keys.

    Args:
        title: the window's title.
        keys: what each key does, shown below the picture.

    Raises:
        MissingPackage: pygame is not installed.
        NodeError: there is no display.
    """

    def __init__(self, title: str, keys: Sequence[str]) -> None:
        size = (_SIZE[0], _SIZE[1] + _TEXT_ROWS * _ROW_HEIGHT)
        self._surface = open_window(title, size, resizable=True, hint=_NO_DISPLAY)
        import pygame  # noqa: PLC0415 - an optional dependency

        self._pygame = pygame
        self._font = pygame.font.Font(None, _ROW_HEIGHT - 2)
        self._keys = keys
        self._pads: dict[int, pygame.joystick.JoystickType] = {}
        self._held: dict[tuple[str, str], None] = {}
        """Held buttons as (source, button), in the order in which they were pressed."""
        self._tapped: list[str] = []
        """Buttons pressed since the last call of ``held``, also if they were released again."""
        self._buttons = {
            pygame.key.key_code(key) if len(key) == 1 else getattr(pygame, f"K_{key}"): button
            for key, button in _KEYS.items()
        }
        self._buttons |= {pygame.key.key_code(key): key for key in NUMBER_KEYS}
        self.closed = False
        """Whether the person closed the window, or pressed Escape."""

    def held(self) -> tuple[str, ...]:
        """Return the buttons and number keys that are held, or were pressed since the last call, in the order of pressing."""
        self.look()
        found: dict[str, None] = {}
        # Whatever was pressed since the last call was pressed after what is held from before.
        for button in (*(button for _, button in self._held), *self._tapped):
            found.pop(button, None)
            found[button] = None
        self._tapped = []
        return tuple(found)

    def look(self) -> None:
        """Handle the window's events. Call this often: otherwise the desktop reports that the window does not respond."""
        for event in self._pygame.event.get():
            self._handle(event)

    def show(self, image: npt.NDArray[np.uint8] | None, status: str) -> None:
        """Show an image, (height, width, 3) uint8 RGB, with a line of text and the keys below it; None shows the text only.

        The image is enlarged by the largest whole factor that fits, or reduced if it does not fit.
        """
        pygame, surface = self._pygame, self._surface
        surface.fill((24, 24, 28))
        width, height = surface.get_width(), surface.get_height() - _TEXT_ROWS * _ROW_HEIGHT
        if image is not None and height > 0:
            rows, columns = image.shape[:2]
            picture = pygame.image.frombuffer(np.ascontiguousarray(image).tobytes(), (columns, rows), "RGB")
            factor = min(width / columns, height / rows)
            factor = int(factor) if factor >= 1 else factor
            size = max(1, int(columns * factor)), max(1, int(rows * factor))
            place = (width - size[0]) // 2, (height - size[1]) // 2
            surface.blit(pygame.transform.scale(picture, size), place)
        for row, text in enumerate((status, *_wrapped(self._keys, self._font.size, width))[:_TEXT_ROWS]):
            written = self._font.render(text, True, (230, 230, 230))
            surface.blit(written, (8, height + row * _ROW_HEIGHT + 3))
        pygame.display.flip()

    def close(self) -> None:
        """Close the window."""
        close_window()

    def _handle(self, event: pygame.event.Event) -> None:
        pygame = self._pygame
        if event.type == pygame.QUIT or (event.type == pygame.KEYDOWN and event.key == pygame.K_ESCAPE):
            self.closed = True
        elif event.type in {pygame.KEYDOWN, pygame.KEYUP} and event.key in self._buttons:
            self._set("keyboard", self._buttons[event.key], pressed=event.type == pygame.KEYDOWN)
        elif event.type in {pygame.JOYBUTTONDOWN, pygame.JOYBUTTONUP} and event.button in _PAD_BUTTONS:
            self._set("pad", _PAD_BUTTONS[event.button], pressed=event.type == pygame.JOYBUTTONDOWN)
        elif event.type == pygame.JOYHATMOTION:
            self._lean("hat", event.value[0], -event.value[1])
        elif event.type == pygame.JOYAXISMOTION and event.axis in {0, 1}:
            lean = 0 if abs(event.value) < _PRESSED_AXIS else 1 if event.value > 0 else -1
            self._lean("stick", *((lean, None) if event.axis == 0 else (None, lean)))
        elif event.type == pygame.JOYDEVICEADDED:
            pad = pygame.joystick.Joystick(event.device_index)
            self._pads[pad.get_instance_id()] = pad  # kept, or it sends no events
        elif event.type == pygame.JOYDEVICEREMOVED:
            self._pads.pop(event.instance_id, None)
            self._release()
        elif event.type == pygame.WINDOWFOCUSLOST:
            self._release()

    def _lean(self, source: str, right: int | None, down: int | None) -> None:
        """Hold the arrow buttons in the direction of a gamepad's hat or stick: −1, 0 or 1 on each axis. None leaves an axis unchanged."""
        for lean, back, forth in ((right, "LEFT", "RIGHT"), (down, "UP", "DOWN")):
            if lean is not None:
                self._set(source, back, pressed=lean < 0)
                self._set(source, forth, pressed=lean > 0)

    def _set(self, source: str, button: str, *, pressed: bool) -> None:
        if not pressed:
            self._held.pop((source, button), None)
        elif (source, button) not in self._held:
            self._held[source, button] = None
            self._tapped.append(button)

    def _release(self) -> None:
        """Release all buttons: another window has the keyboard, or a gamepad is gone."""
        self._held.clear()


def _wrapped(parts: Sequence[str], size: Callable[[str], tuple[int, int]], width: int) -> list[str]:
    """Join the parts into lines that are at most as wide as the window."""
    lines = [""]
    for part in parts:
        line = f"{lines[-1]}   {part}" if lines[-1] else part
        if lines[-1] and size(line)[0] > width - 16:
            lines.append(part)
        else:
            lines[-1] = line
    return lines
