"""Presses the buttons of each tick: those of the command, of the default behaviour, or of the physical reset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rtgraph.nodes.robot.device_control import DeviceControl
from rtgraph.nodes.robot.safety import Command, is_commander, is_fresh, stale_after_ns
from rtgraph.nodes.robot.screen.actions import Pressed
from rtgraph.nodes.robot.screen.file import ResetStep
from rtgraph.nodes.robot.screen.link import ScreenLink

NONE: Pressed = frozenset()


class ScreenControl(DeviceControl):
    """Presses the buttons of one console.

    Each tick sends the state of all buttons, pressed or not, if the console is connected and not stopped. The firmware
    releases the buttons when nothing is sent.

    Args:
        actions: the buttons of each action.
        buttons: all buttons.
        link: the connection to the camera and the buttons.
        period_ns: time from tick to tick.
        now_ns: the graph's time.
    """

    connected = "connected: all buttons are released"

    def __init__(
        self,
        actions: Sequence[Pressed],
        buttons: Sequence[str],
        link: ScreenLink,
        period_ns: int,
        now_ns: int,
    ) -> None:
        super().__init__(link, now_ns, Counter())
        self._link, self._actions, self._buttons = link, actions, buttons
        self._stale_ns = stale_after_ns(period_ns)
        self._steps: Sequence[ResetStep] = ()
        self._step = 0
        self._step_ns: int | None = None
        self._commander = ""
        self._admitted_ns = 0
        self._has_acted = False
        self.is_ready = False
        """Whether the last tick had a fresh picture and working buttons, and no reset or emergency stop was in progress."""

    @property
    def is_homing(self) -> bool:
        """Whether the physical reset is in progress."""
        return bool(self._steps)

    def begin_reset(self, steps: Sequence[ResetStep], now_ns: int) -> None:
        """Start a physical reset, which presses its buttons at the next ticks."""
        self._steps, self._step, self._step_ns = steps, 0, None
        self.is_ready = False
        self._has_acted = False
        if steps and self._may_move():
            self.states.enter("homing", "a physical reset", now_ns)

    def tick(self, command: Command | None, default: int, now_ns: int) -> str:
        """Press the buttons of one tick.

        A command is admitted if it is fresh and from the node that commands. Without an admitted command, the buttons of
        ``default`` are pressed until the last admitted command is stale; then all buttons are released.

        A physical reset presses its buttons instead. Without a fresh picture all buttons are released. During a fault or
        an emergency stop this method sends nothing.

        Returns:
            Why the command was refused; empty if it was admitted, or if there was no command.
        """
        self.is_ready = False
        if not self._may_move():
            return self._blocked(command)
        self.connection.take_lost()
        if self.sample is None or now_ns - self.sample.captured_ns > self._stale_ns:
            self.states.enter(
                "stale", f"no picture: {self._link.camera_problem or 'the camera is late'}", now_ns
            )
            self._press(NONE, now_ns)
            self._rest_here()
            return self._blocked(command)
        if self._steps:
            refused = self._blocked(command)
            self._go_on(now_ns)
            return refused
        self.is_ready = True
        refused = "" if command is None else self._refuse(command, now_ns)
        if command is not None and not refused:
            self._commander, self._admitted_ns, self._has_acted = command.source, now_ns, True
            self.states.enter("running", "", now_ns)
            self._press(self._actions[int(command.values)], now_ns)
            return ""
        if refused:
            self.refused[refused] += 1
        expired = not self._has_acted or now_ns - self._admitted_ns > self._stale_ns
        if expired and self.states.state == "running":
            self.states.enter("stale", "no valid command", now_ns)
        elif self.states.state in {"stale", "homing"} and self.states.reason != "no valid command":
            self.states.enter("holding", "the camera sees the screen", now_ns)
        self._press(NONE if expired else self._actions[default], now_ns)
        return refused

    def _refuse(self, command: Command, now_ns: int) -> str:
        if not is_fresh(command, now_ns, self._stale_ns):
            return "stale"
        expired = now_ns - self._admitted_ns > self._stale_ns
        return "" if is_commander(command, "" if expired else self._commander) else "commander"

    def _go_on(self, now_ns: int) -> None:
        """Press the buttons of the current step of the reset. Start the next step when the time of this step is over."""
        self.states.enter("homing", "a physical reset", now_ns)
        if self._step_ns is None:
            self._step_ns = now_ns
        elif now_ns - self._step_ns >= self._steps[self._step].s * 1e9:
            self._step, self._step_ns = self._step + 1, now_ns
        if self._step == len(self._steps):
            self._steps = ()
            self.states.enter("holding", "the game was reset", now_ns)
            self._press(NONE, now_ns)
        else:
            self._press(frozenset(self._steps[self._step].press), now_ns)

    def _press(self, pressed: Pressed, now_ns: int) -> None:
        if self.connection.is_free():
            self.connection.post({name: float(name in pressed) for name in self._buttons}, now_ns)

    def _rest_here(self) -> None:
        """Restart the physical reset from its first step, because some of its buttons may not have been pressed."""
        self._step, self._step_ns = 0, None

    def _hold_here(self, now_ns: int) -> None:
        self._press(NONE, now_ns)

    def _give_up_homing(self) -> None:
        """Keep the physical reset: it starts again from its first step when the emergency stop ends."""
