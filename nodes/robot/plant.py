"""The base classes of nodes that drive a device or a robot: episodes, decisions and messages."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, TypeVar

import numpy as np
from pydantic import JsonValue

from rtgraph.msgs import Decision, EStop, PlantSpec, RobotState
from rtgraph.msgs.array import frozen
from rtgraph.nodes.plant import Choice, DefaultBehaviour, Environment, Plant, PlantParams, Step
from rtgraph.nodes.plant.default import Noop
from rtgraph.nodes.plant.environment import Action, Array
from rtgraph.nodes.plant.gate import LatestParams, make_gate
from rtgraph.nodes.plant.takeover import Takeover
from rtgraph.nodes.robot.connection.connection import Connection
from rtgraph.nodes.robot.control import Control
from rtgraph.nodes.robot.device_control import DeviceControl
from rtgraph.nodes.robot.environment import RobotEnvironment
from rtgraph.nodes.robot.estop import EStopServer, socket_path
from rtgraph.nodes.robot.moves import CAREFUL_SPEED
from rtgraph.nodes.robot.params import RobotParams, check_params, moves_of, spec_of
from rtgraph.nodes.robot.safety import Command, stale_after_ns
from rtgraph.nodes.runtime import Input, Output, queue
from rtgraph.nodes.runtime.clock import period_ns

STATE_NS = 500_000_000
"""Maximum time between two messages of the robot's state, in ns."""
CLOSE_S = 1.0
"""Maximum time for the driver to disconnect, in seconds."""
STAND_STILL = frozenset({"hold", "zero"})

P = TypeVar("P", bound=PlantParams)
R = TypeVar("R", bound=RobotParams)


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


class RobotPlant(DevicePlant[R], ABC):
    """The base of real and simulated robots, which differ in their connection to the device.

    Each tick takes the newest reading of the device and one of the received decisions, applies the safety rules, and
    leaves the resulting command for the driver. If the rules refuse a decision, the refusal is counted. Then the
    default behaviour β acts: if ``default`` is ``hold``, the robot stands still.
    """

    _control: Control

    takeover = Input(Decision, queue(64), optional=True)
    """Decisions of a person. While they arrive, the person commands the robot, and the policy does not."""

    @classmethod
    def spec(cls, params: R) -> PlantSpec:
        """Return the spec: actions, observations and rate of the robot."""
        return spec_of(params)

    @classmethod
    def check(cls, params: R) -> None:
        """Check the joints' limits, the task and the default behaviour."""
        check_params(params)

    @classmethod
    def identity(cls, params: R) -> dict[str, JsonValue]:
        """Return the parameters that define the environment. If the speed of discrete moves is null, the default takes its place."""
        found = super().identity(params)
        if params.moves is not None and params.moves.speed is None:
            moves = params.moves.model_copy(update={"speed": cls._moves_speed()})
            found["moves"] = moves.model_dump(mode="json")
        return found

    @classmethod
    def _moves_speed(cls) -> float:
        """Return the default speed of discrete moves, as a share of the maximum speed. It is lower for a real robot."""
        return CAREFUL_SPEED if cls.hardware else 1.0

    @abstractmethod
    def connection(self, period_ns: int, stop: dict[str, float] | None) -> Connection:
        """Make the connection to the device.

        Args:
            period_ns: time from tick to tick.
            stop: the action that the emergency stop sends once; None to send nothing.
        """

    def environment(self) -> Environment:
        """Make the robot's control and its environment."""
        params, period = self.params, period_ns(self.params.rate_hz)
        stop = {f"{name}.vel": 0.0 for name in params.joints} if params.command == "velocity" else None
        self._control = Control(
            params.joints,
            params.command,
            self.connection(period, stop),
            period,
            self.now_ns,
            params.homing_speed,
            math.inf if params.resume_within_s is None else params.resume_within_s,
            dict.fromkeys(params.cameras, round(params.camera_stale_s * 1e9)),
        )
        self._moves = moves_of(params, self._moves_speed())
        self._robot = RobotEnvironment(params, self._control)
        return self._robot

    def on_start(self) -> None:
        """Connect, and begin to tick."""
        period = period_ns(self.params.rate_hz)
        gate = make_gate(LatestParams(max_age_ms=self.params.gate.max_age_ms), period)
        self._takeover = Takeover(gate, stale_after_ns(period))
        super().on_start()

    def result(self) -> dict[str, Any]:
        """Return the results of ``DevicePlant``, and the number of ticks at which a person commanded, if any."""
        found = super().result()
        if self._takeover.ticks:
            found["robot"]["takeover_ticks"] = self._takeover.ticks
        return found

    def _stopped(self) -> None:
        """Switch the torque off, if the parameter ``estop`` is ``torque_off``."""
        if self.params.estop == "torque_off":
            self._control.connection.set_torque(False)

    def _make_default(self) -> DefaultBehaviour:
        return Noop() if self.params.default in STAND_STILL else super()._make_default()

    def _default_action(self) -> Action:
        return self._robot.noop if self.params.default in STAND_STILL else super()._default_action()

    def _reset(self, due_ns: int, began_ns: int, unwanted: int) -> None:
        self._sent = None
        super()._reset(due_ns, began_ns, unwanted)
        self.takeover.take_all()  # of the previous episode
        self._takeover.begin(self._tick, self._episode, self.context.identity.incarnation)
        if (pose := self._robot.pose) is not None:
            self._control.go_to(pose, "a physical reset", began_ns)
        self._control.tick(None, None, began_ns)

    def _act(self, choice: Choice) -> tuple[Action, Step]:
        now_ns, missing = self.now_ns, self._missing(choice)
        decision = choice.decision
        stands = self.params.default in STAND_STILL
        default = self._default_action()
        command = None if decision is None else self._command_of(decision)
        tick = self._control.tick(command, None if stands else np.asarray(default), now_ns, missing)
        action = self._applied(choice, tick.refused, default)
        if self._moves is None:
            action = frozen(np.asarray(action))
        self._sent = (
            None if tick.sent is None else _if_other(tick.sent.astype(np.float32), np.asarray(action))
        )
        return action, self._robot.step(action)

    def _missing(self, choice: Choice) -> str:
        """Let a person take over from the policy. Remove a decision that the gate's limits of age and delay do not allow.

        Return why there is no decision to apply; empty if there is a decision, or if the reason is unknown.
        """
        arrivals = self.takeover.take_all()
        decisions = [one for one in arrivals if self._admission.takes(one)]
        self._refused_now += len(arrivals) - len(decisions)
        if self._takeover.choose(self._tick, decisions, choice, self.now_ns):
            self._control.hand_over(self._takeover.person or "the policy", self.now_ns)
        if choice.delay_over:
            choice.late += choice.decision is not None
            choice.decision = None
            return f"the playout delay is {choice.delay_over} ticks, and at most {choice.delay_ticks} are allowed"
        if choice.decision is None and choice.too_old:
            return f"decisions are older than max_age_ms ({self.params.gate.max_age_ms:g})"
        return ""

    def _command_of(self, decision: Decision) -> Command:
        header, values = decision.header, np.asarray(decision.action)
        if self._moves is not None:
            values = self._moves.goal(int(values), self._control.safety.position)
        return Command(values, header.stamp_ns, header.source.partition("/")[0], self._takeover.person)


def _if_other(sent: Array, action: Array) -> Array | None:
    return None if np.array_equal(sent, action) else sent
