"""The teleoperation node: a person commands a robot. The node publishes the person's commands as decisions."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from pydantic import Field, JsonValue

from rtgraph.msgs import Applied, Decision, EStop, Observation
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.spaces import Continuous, PlantSpec
from rtgraph.nodes.robot.joints import Vector
from rtgraph.nodes.robot.safety import stale_after_ns
from rtgraph.nodes.robot.teleop.device import Device, DeviceContext, OperatorInput, check_device, device_class
from rtgraph.nodes.robot.teleop.readings import Readings
from rtgraph.nodes.runtime import Changeable, Input, Node, Output, Params, Placement, latest
from rtgraph.nodes.runtime.clock import period_ns

LEAD_S = 0.25
"""Maximum distance of a goal from the last sent position, in seconds of motion at full speed. It is short, so that a joint
stops soon after the stick."""
LOOK_NS = 50_000_000
"""Maximum interval between polls of the device, in ns. A desktop reports a window that is polled less often as not responding."""


class TeleopParams(Params):
    """The teleoperation device, and how fast it moves the robot."""

    plant: PlantSpec
    """The robot's spec: `${spec:plant}`."""
    device: str
    """The device: leader, gamepad, keyboard, or package.module:Class."""
    device_params: dict[str, JsonValue] = Field(default_factory=dict)
    """The keyword arguments with which the device is made."""
    enabled: Changeable[bool] = True
    """Whether the person may command. With a leader arm, which has no deadman button, this parameter is the switch."""
    speed: Changeable[float] = Field(default=0.2, gt=0, le=1)
    """Full speed of a device that gives speeds. For position commands: a share of a joint's range per second. For velocity
    commands: a share of the joint's maximum speed. A device that gives positions ignores it."""


class Teleop(Node[TeleopParams]):
    """Publishes a decision for every observation while a person commands.

    The plant receives these decisions on its port ``takeover`` and applies them in place of the policy's. The node
    publishes no decision while the deadman button is not held or ``enabled`` is false, when the reading is refused, or
    before the first message on ``applied``. A launch fails if the device could never be read.
    """

    reproducible: ClassVar[bool] = False

    observation = Input(Observation, latest)
    applied = Input(Applied, latest)
    takeover = Output(Decision)
    estop = Output(EStop)

    @classmethod
    def check(cls, params: TeleopParams) -> None:
        """Check the robot and the device, and that the device fits the robot."""
        action = _action_of(params.plant)
        check_device(params.device, params.device_params)
        if device_class(params.device).gives == "positions" and action.command != "position":
            raise NodeError(
                f"device {params.device!r} gives positions, but the robot takes velocities",
                hint="set command: position in the plant, or use another device",
            )

    @classmethod
    def check_placement(cls, params: TeleopParams, placement: Placement) -> None:
        """Check that the device works in the launch's world, in real time or in virtual time. Most devices need real time."""
        if not placement.realtime and device_class(params.device).realtime_only:
            raise NodeError("a person can command a robot in real time only", hint="use --world realtime")

    def on_prepare(self) -> None:
        """Open the teleoperation device."""
        params = self.params
        self._action = action = _action_of(params.plant)
        site = DeviceContext(action.names, params.plant.rate_hz, self.context.now_ns, self.log)
        self._device: Device = device_class(params.device)(site, **params.device_params)  # type: ignore[call-arg]

    def on_start(self) -> None:
        """Begin to poll the device. It is polled also when no observation arrives."""
        rate_hz = self.params.plant.rate_hz
        self._low, self._high = np.array(self._action.low), np.array(self._action.high)
        self._period_s = 1 / rate_hz
        stale_ns = stale_after_ns(period_ns(rate_hz))
        self._readings = Readings(
            self.params.device, self._device.gives, self._action.names, stale_ns, self.log
        )
        self._at: Vector | None = None
        self._goal: Vector | None = None
        self._number = 0
        self.every(LOOK_NS, self._attend)

    def on_applied(self, applied: Applied) -> None:
        """Store the action (positions or velocities) that was last sent to the robot."""
        self._at = np.asarray(applied.action if applied.sent is None else applied.sent, np.float64)

    def on_observation(self, observation: Observation) -> None:
        """Publish a decision for the next tick, if the person commands."""
        began_ns, given = self.now_ns, self._read_device()
        if given is None or self._at is None or not self._readings.may_command(given, self.now_ns):
            self._goal = None
            return
        self._number += 1
        self.takeover.publish(
            Decision(
                worker=self.name,
                number=self._number,
                action=self._wanted(given, self._at).astype(np.float32),
                began_ns=began_ns,
                inference_ns=self.now_ns - began_ns,
            ),
            of=observation,
        )

    def on_stop(self) -> None:
        """Release the teleoperation device."""
        self._device.close()

    def result(self) -> dict[str, Any]:
        """Return the counts of refused readings and of readings with speeds beyond −1 to 1, if any, with warnings."""
        return self._readings.result()

    def failure(self) -> str:
        """Return why the device could never be read; empty if it was read at least once."""
        return self._readings.failure()

    def world_state(self) -> dict[str, Any]:
        """Return the state to save in a checkpoint: all attributes but the device. A restored node opens the device again."""
        return {name: value for name, value in super().world_state().items() if name != "_device"}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the state from a checkpoint, and open the device again."""
        super().load_world_state(state)
        self.on_prepare()

    def _attend(self) -> None:
        self._read_device()

    def _read_device(self) -> OperatorInput | None:
        """Read the device. Return what the person commands; None while no person commands.

        If the person asks for an emergency stop, publish it at once.
        """
        reading = self._device.read()
        if isinstance(reading, OperatorInput) and reading.stop:
            self.estop.publish(EStop(reason=f"a person at {self.name}"))
        given = self._readings.checked(reading, getattr(self._device, "trouble", ""))
        return given if given is not None and given.enabled and self.params.enabled else None

    def _wanted(self, given: OperatorInput, at: Vector) -> Vector:
        """Return the action for a reading, (joints,).

        Positions from the device, clipped to the joints' ranges, are the goal positions. Speeds from the device become
        velocities, or goal positions slightly ahead of ``at``, as the robot's command requires.
        """
        names, low, high = self._action.names, self._low, self._high
        if self._device.gives == "positions":
            led = [given.values.get(name, here) for name, here in zip(names, at, strict=True)]
            return np.asarray(np.clip(np.array(led), low, high))
        shares = np.clip([given.values.get(name, 0.0) for name in names], -1.0, 1.0)
        if self._action.command == "velocity":
            return np.asarray(self.params.speed * shares * high)
        full = self.params.speed * (high - low)
        before = at if self._goal is None else self._goal
        ahead = np.clip(before + shares * full * self._period_s, at - LEAD_S * full, at + LEAD_S * full)
        goal: Vector = np.clip(ahead, low, high)
        self._goal = goal
        return goal


def _action_of(plant: PlantSpec) -> Continuous:
    """Return the spec of the robot's action.

    Raises:
        NodeError: the action is not a position or velocity for each joint.
    """
    action = plant.action
    if (
        not isinstance(action, Continuous)
        or action.command not in {"position", "velocity"}
        or not action.names
    ):
        raise NodeError(
            "a person can command only a robot that takes positions or velocities of joints",
            hint="set teleop: none, or remove `moves` from the plant",
        )
    return action
