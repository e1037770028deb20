"""The base class of nodes that drive a device: its state, its emergency stop, and its messages."""

from __future__ import annotations

from typing import Any, TypeVar

from rtgraph.msgs import EStop, RobotState
from rtgraph.nodes.plant import Choice, Plant, PlantParams
from rtgraph.nodes.plant.environment import Action
from rtgraph.nodes.robot.device_control import DeviceControl
from rtgraph.nodes.robot.estop import EStopServer, socket_path
from rtgraph.nodes.runtime import Input, Output, queue

STATE_NS = 500_000_000
"""Maximum time between two messages of the robot's state, in ns."""
CLOSE_S = 1.0
"""Maximum time for the driver to disconnect, in seconds."""

P = TypeVar("P", bound=PlantParams)


class DevicePlant(Plant[P]):
    """The base of nodes with a device (robot or filmed game): publishes the state, and serves the emergency stop.

    A subclass sets ``_control`` in its method ``environment``.
    """

    _control: DeviceControl

    estop = Input(EStop, queue(16), many=True, optional=True)
    robot = Output(RobotState)

    def on_start(self) -> None:
        """Connect, and begin to tick."""
        self._shown = -1
        self._shown_ns = 0
        self._admitted = 0
        self._control.states.since_ns = self.now_ns
        self._asked = ""
        self._asked_reset = False
        self._state_line = "connecting"
        self._server = self._served()
        if self.context.identity.incarnation:
            self._control.connected = "restarted: it holds where it is"
            self.log.warning("%s was restarted: the robot holds its position", self.name)
        self._control.connection.start(self.now_ns)
        super().on_start()

    def on_estop(self, message: EStop) -> None:
        """Begin the emergency stop at once, or end it, as the message says."""
        if message.reset:
            self._control.reset(self.now_ns)
        else:
            self._control.stop(message.reason or f"requested by {message.header.source}", self.now_ns)
            self._stopped()

    def on_stop(self) -> None:
        """Publish the last state, and disconnect."""
        self._close("the launch ends")
        super().on_stop()

    def result(self) -> dict[str, Any]:
        """Return the time in each state, the counts of faults and refusals, and a warning if the device failed."""
        found = {**super().result(), "robot": self._control.result(self.now_ns)}
        warnings = [*found.get("warnings", ()), *self._control.warnings()]
        return {**found, "warnings": warnings} if warnings else found

    def failure(self) -> str:
        """Return why the device never connected, or why all commands or all decisions were refused; empty if none of this happened."""
        if absent := self._control.failure():
            return absent
        refused = self._control.refused
        if self._admitted or not refused:
            return super().failure()
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in refused.items())
        return f"all {refused.total():,} commands were refused: {reasons}"

    # The emergency stop: the server's thread latches the connection at once and, if so configured, switches the torque
    # off. The next tick does the rest. If a stop and its reset come within one tick, the tick handles both, in order.

    def _served(self) -> EStopServer | None:
        folder = self.context.launch_context.runtime_directory
        if folder is None:
            return None
        path = socket_path(folder, self.name)
        return EStopServer(path, self._stop_now, self._ask_reset, lambda: f"{self.name}: {self._state_line}")

    def _stop_now(self, reason: str) -> None:
        self._asked_reset, self._asked = False, reason
        self._control.connection.latch()
        self._stopped()
        self._state_line = f"stopped: {reason}"

    def _ask_reset(self) -> None:
        self._asked_reset = True
        self._state_line = "the emergency stop is being reset"

    def _attend_to_estop(self) -> None:
        if self._asked:
            reason, self._asked = self._asked, ""
            self._control.stop(reason, self.now_ns)
            self._stopped()
        if self._asked_reset:
            self._asked_reset = False
            self._control.reset(self.now_ns)

    def _stopped(self) -> None:
        """Do what a subclass adds to an emergency stop. A stop through the socket calls it at once, and again at the next tick."""

    def _is_ready(self) -> bool:
        return self._control.sample is not None

    def _attend(self, now_ns: int) -> None:
        self._attend_to_estop()
        self._control.attend(now_ns)

    def _on_tick(self) -> None:
        super()._on_tick()
        now_ns = self.now_ns
        if self._control.states.changes != self._shown or now_ns - self._shown_ns >= STATE_NS:
            self._show_state(now_ns)

    def _applied(self, choice: Choice, refused: str, default: Action) -> Action:
        """Return the action that was applied: that of the decision, or ``default`` (the default behaviour's action).

        ``default`` was applied if there is no decision, or if the safety rules refused the decision.
        """
        decision = choice.decision
        if decision is None:
            return default
        if refused:
            choice.decision = None
            self._refused_now += 1
            return default
        self._admitted += 1
        return decision.action

    def _close(self, reason: str) -> bool:
        """Close the server of the emergency stop, and the connection. Return whether the driver has disconnected."""
        if self._server is not None:
            self._server.close()
        self._control.close(reason, self.now_ns)
        self._show_state(self.now_ns)
        return self._control.connection.close(CLOSE_S)

    def _show_state(self, now_ns: int) -> None:
        states, connection = self._control.states, self._control.connection
        self._shown, self._shown_ns = states.changes, now_ns
        self._state_line = f"{states.state}{': ' if states.reason else ''}{states.reason}"
        self.robot.publish(
            RobotState(
                state=states.state,
                reason=states.reason,
                since_ns=states.since_ns,
                sent=connection.sent,
                faults=connection.faults,
                abandoned=connection.abandoned,
                refused=dict(self._control.refused),
                time_s=states.time_s(now_ns),
            )
        )
