"""The base class of nodes that drive a robot: episodes, decisions, and commands of a person."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, TypeVar

import numpy as np
from pydantic import JsonValue

from rtgraph.msgs import Decision, PlantSpec
from rtgraph.msgs.array import frozen
from rtgraph.nodes.plant import Choice, DefaultBehaviour, Environment, Step
from rtgraph.nodes.plant.default import Noop
from rtgraph.nodes.plant.environment import Action, Array
from rtgraph.nodes.plant.gate import LatestParams, make_gate
from rtgraph.nodes.plant.takeover import Takeover
from rtgraph.nodes.robot.connection.connection import Connection
from rtgraph.nodes.robot.control import Control
from rtgraph.nodes.robot.device_plant import DevicePlant
from rtgraph.nodes.robot.environment import RobotEnvironment
from rtgraph.nodes.robot.moves import CAREFUL_SPEED
from rtgraph.nodes.robot.params import RobotParams, check_params, moves_of, spec_of
from rtgraph.nodes.robot.safety import Command, stale_after_ns
from rtgraph.nodes.runtime import Input, queue
from rtgraph.nodes.runtime.clock import period_ns

STAND_STILL = frozenset({"hold", "zero"})

R = TypeVar("R", bound=RobotParams)


class RobotPlant(DevicePlant[R], ABC):
    """The base of real and simulated robots, which differ in their connection to the device.

    Each tick takes the newest reading of the device and one of the received decisions, applies the safety rules, and
    leaves the resulting command for the driver. If the rules refuse a decision, the refusal is counted, and the
    default behaviour β acts in place of the decision. β does not act while the robot is stopped, moves to a pose, or
    gives no fresh readings. If ``default`` is ``hold``, β keeps the robot still.
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
            dry_run=params.dry_run,
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
        """Replace the policy's decision while a person commands. Else drop the decision if the playout delay is above the gate's limit.

        Return why there is no decision to apply: the playout delay is above its limit, or the gate has dropped decisions that are
        too old. Empty if there is a decision, or if the reason is unknown.
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
