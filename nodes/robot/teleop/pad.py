"""Gamepad and keyboard as teleoperation devices, by pygame. A small window shows the keys, and whether the person commands."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.display import check_pygame, close_window, open_window
from rtgraph.nodes.robot.teleop.device import DeviceContext, Gives, OperatorInput

if TYPE_CHECKING:
    import pygame

UP_KEYS: Final = "qwertyui"
DOWN_KEYS: Final = "asdfghjk"
"""The n-th of ``UP_KEYS`` moves the n-th joint up. The n-th of ``DOWN_KEYS`` moves the n-th joint down."""
AXES: Final[Mapping[str, tuple[int, float]]] = {
    "left_x": (0, 1.0),
    "left_y": (1, -1.0),
    "right_x": (3, 1.0),
    "right_y": (4, -1.0),
}
"""For each axis of most gamepads: its number in SDL, and its direction. Right and up are positive."""
CROSS: Final = ("cross_x", "cross_y")
IN_ORDER: Final = ("left_x", "left_y", "right_y", "right_x", *CROSS)
"""The order in which axes are given to the joints, unless ``axes`` is given."""
_NO_AXIS: Final = 0.12
"""A stick that leans less than this share of its full way counts as at rest."""
_ROW: Final = 22
_WIDTH: Final = 460


class _Window(ABC):
    """A window that receives the events of keyboard and gamepads. A subclass turns the events into commands."""

    gives: ClassVar[Gives] = "speeds"
    realtime_only: ClassVar[bool] = True

    def __init__(self, context: DeviceContext, keys: Sequence[str]) -> None:
        self._surface = open_window(
            f"rtgraph: {context.log.name}",
            (_WIDTH, _ROW * (len(keys) + 2)),
            hint="run the node where there is a display",
        )
        import pygame  # noqa: PLC0415 - an optional dependency

        self._pygame, self._context, self._keys = pygame, context, keys
        self._font = pygame.font.Font(None, _ROW - 2)
        self._shown = ""
        self._stop = False

    def read(self) -> OperatorInput:
        """Handle the events since the last call. Return what the person commands now."""
        for event in self._pygame.event.get():
            self._handle(event)
        enabled, values = self._held()
        stop, self._stop = self._stop, False
        self._show("YOU COMMAND" if enabled else "the policy commands")
        return OperatorInput(self._context.now_ns(), enabled, values, stop)

    def close(self) -> None:
        """Close the window."""
        close_window()

    def _handle(self, event: pygame.event.Event) -> None:
        pygame = self._pygame
        if event.type in {pygame.QUIT, pygame.WINDOWFOCUSLOST}:
            self._release()
        elif event.type == pygame.KEYDOWN and event.key == pygame.K_ESCAPE:
            self._stop = True
            self._release()

    @abstractmethod
    def _held(self) -> tuple[bool, Mapping[str, float]]:
        """Return whether the deadman button is held, and the speed of each joint."""

    @abstractmethod
    def _release(self) -> None:
        """Treat all buttons and sticks as released.

        It is called on an emergency stop, when the window or the gamepad is gone, or when another window has the keyboard.
        """

    def _show(self, status: str) -> None:
        if status == self._shown:
            return
        self._shown = status
        self._surface.fill((24, 24, 28))
        for row, text in enumerate((status, *self._keys)):
            self._surface.blit(self._font.render(text, True, (230, 230, 230)), (8, row * _ROW + 6))
        self._pygame.display.flip()


class Keyboard(_Window):
    """Two keys for each joint move it while the space bar (the deadman button) is held. Escape is an emergency stop.

    Args:
        context: the robot's joints and rate, the clock and the log.
    """

    def __init__(self, context: DeviceContext) -> None:
        most = len(UP_KEYS)
        if len(context.joints) > most:
            raise NodeError(
                f"the keyboard moves up to {most} joints, but the robot has {len(context.joints)}",
                hint="use another device, such as leader",
            )
        pairs = list(zip(context.joints, UP_KEYS, DOWN_KEYS, strict=False))
        keys = [f"{up} / {down}: {joint} up / down" for joint, up, down in pairs]
        super().__init__(context, ("space: hold it to command", *keys, "Esc: emergency stop"))
        code = self._pygame.key.key_code
        self._moves = {code(up): (joint, 1.0) for joint, up, _ in pairs}
        self._moves |= {code(down): (joint, -1.0) for joint, _, down in pairs}
        self._down: set[int] = set()

    @classmethod
    def check(cls) -> None:
        """Check that pygame is installed.

        Raises:
            MissingPackage: pygame is not installed.
        """
        check_pygame()

    def _handle(self, event: pygame.event.Event) -> None:
        super()._handle(event)
        if event.type == self._pygame.KEYDOWN and event.key != self._pygame.K_ESCAPE:
            self._down.add(event.key)
        elif event.type == self._pygame.KEYUP:
            self._down.discard(event.key)

    def _held(self) -> tuple[bool, Mapping[str, float]]:
        values = dict.fromkeys(self._context.joints, 0.0)
        for key in self._down & self._moves.keys():
            joint, way = self._moves[key]
            values[joint] += way
        return self._pygame.K_SPACE in self._down, values

    def _release(self) -> None:
        self._down.clear()


class Gamepad(_Window):
    """Sticks and cross move the joints while the deadman button is held. One button and Escape are emergency stops.

    Args:
        context: the robot's joints and rate, the clock and the log.
        axes: the axis of each joint, by the joint's name: left_x, left_y, right_x, right_y, cross_x or cross_y, with a
            minus sign for the other direction. None for the axes of ``IN_ORDER``.
        deadman: SDL's number of the button that must be held.
        stop: SDL's number of the button of the emergency stop.
    """

    def __init__(
        self, context: DeviceContext, axes: Mapping[str, str] | None = None, deadman: int = 5, stop: int = 1
    ) -> None:
        chosen = dict(zip(context.joints, IN_ORDER, strict=False)) if axes is None else dict(axes)
        if unknown := sorted(chosen.keys() - set(context.joints)):
            raise NodeError(f"`axes` has joints that the robot does not have: {', '.join(unknown)}")
        keys = [f"{axis}: {joint}" for joint, axis in chosen.items()]
        buttons = (f"button {deadman}: hold it to command", f"button {stop}, Esc: emergency stop")
        super().__init__(context, (*buttons, *keys))
        self._axes, self._deadman, self._stop_button = chosen, deadman, stop
        self._pads: dict[int, pygame.joystick.JoystickType] = {}
        self._leans: dict[str, float] = {}
        self._enabled = False

    @property
    def trouble(self) -> str:
        """Why the gamepad cannot be read: it is not plugged in. Empty if it is plugged in."""
        return "" if self._pads else "no gamepad is plugged in"

    @classmethod
    def check(cls, axes: Mapping[str, str] | None = None, deadman: int = 5, stop: int = 1) -> None:
        """Check the axes, and that pygame is installed.

        Raises:
            NodeError, MissingPackage: the check fails.
        """
        for joint, axis in (axes or {}).items():
            if str(axis).removeprefix("-") not in IN_ORDER:
                raise NodeError(
                    f"axes: {joint}: a gamepad has no axis {axis!r}",
                    hint=f"the axes are {', '.join(sorted(IN_ORDER))}",
                )
        if deadman == stop:
            raise NodeError(
                f"`deadman` and `stop` are the same button, {stop}", hint="give two different buttons"
            )
        check_pygame()

    def _handle(self, event: pygame.event.Event) -> None:
        super()._handle(event)
        pygame = self._pygame
        if event.type in {pygame.JOYBUTTONDOWN, pygame.JOYBUTTONUP}:
            pressed = event.type == pygame.JOYBUTTONDOWN
            if event.button == self._deadman:
                self._enabled = pressed
            elif event.button == self._stop_button and pressed:
                self._stop = True
                self._release()
        elif event.type == pygame.JOYAXISMOTION:
            for name, (number, way) in AXES.items():
                if number == event.axis:
                    self._leans[name] = way * event.value if abs(event.value) >= _NO_AXIS else 0.0
        elif event.type == pygame.JOYHATMOTION:
            self._leans |= dict(zip(CROSS, map(float, event.value), strict=True))
        elif event.type == pygame.JOYDEVICEADDED:
            pad = pygame.joystick.Joystick(event.device_index)
            self._pads[pad.get_instance_id()] = pad  # kept, or it sends no events
        elif event.type == pygame.JOYDEVICEREMOVED:
            self._pads.pop(event.instance_id, None)
            self._release()

    def _held(self) -> tuple[bool, Mapping[str, float]]:
        values = {}
        for joint, axis in self._axes.items():
            lean = self._leans.get(axis.removeprefix("-"), 0.0)
            values[joint] = -lean if axis.startswith("-") else lean
        return self._enabled, values

    def _release(self) -> None:
        self._enabled = False
        self._leans.clear()
