"""The driver of a simulated arm. Features and units are those of ``ServoArm``, the real arm; delay and noise are simulated."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.robot.driver import Feature, Reading
from rtgraph.nodes.robot.twin.simulation import MODEL, Simulation, Vector, steps_of

OBSERVED = ("pos", "vel", "load")
GRIPPER = "gripper"
RENDERED = "rendered"
UNITS = ("degrees", "normalized")


class Twin:
    """Simulates an SO-101 arm, or another arm of hinge joints with position actuators.

    Args:
        model: the MJCF file; None for the arm that comes with rtgraph.
        units: ``degrees`` from the middle of a joint's range, or ``normalized`` from −100 to 100. The gripper is from 0 to
            100 in either unit.
        sensor_ms: age of readings of the joints.
        actuator_ms: delay of goals.
        jitter_ms: mean of an exponentially distributed delay that is added to ``sensor_ms`` and ``actuator_ms``.
        noise_deg: standard deviation of the noise of positions, in degrees.
        cameras: the pictures to render: (height, width, 3) by the name of a camera in the model.
        camera: ``rendered``, or None. Any other value is refused, because the twin reads no real camera.
    """

    def __init__(
        self,
        model: str | None = None,
        units: str = "degrees",
        sensor_ms: float = 0.0,
        actuator_ms: float = 0.0,
        jitter_ms: float = 0.0,
        noise_deg: float = 0.0,
        cameras: Mapping[str, tuple[int, int, int]] | None = None,
        camera: str | None = None,
    ) -> None:
        self.check(camera)
        if units not in UNITS:
            raise RobotError(f"unknown units {units!r}", hint=f"use {' or '.join(UNITS)}")
        amounts = {
            "sensor_ms": sensor_ms,
            "actuator_ms": actuator_ms,
            "jitter_ms": jitter_ms,
            "noise_deg": noise_deg,
        }
        for name, amount in amounts.items():
            if amount < 0:
                raise RobotError(f"{name} of a twin must be at least 0, not {amount:g}")
        self._simulation = Simulation(MODEL if model is None else Path(model))
        self._sensor_s, self._actuator_s, self._jitter_s = sensor_ms / 1e3, actuator_ms / 1e3, jitter_ms / 1e3
        self._remembers = sensor_ms > 0 or jitter_ms > 0
        self._noise_deg = noise_deg
        self._cameras = {name: tuple(shape) for name, shape in (cameras or {}).items()}
        self._rng = np.random.default_rng(0)
        self._now_s = 0.0
        self._goals: deque[tuple[float, Vector]] = deque()
        """The delayed goals, each with its time of arrival."""
        self._read: deque[tuple[float, Vector, Vector, Vector]] = deque([self._state()])
        """The recent states (time, angles, velocities, loads), oldest first. They are kept because readings are delayed."""
        simulation = self._simulation
        degrees = np.array([units == "degrees" and name != GRIPPER for name in simulation.names])
        span = simulation.high - simulation.low
        middle = (simulation.high + simulation.low) / 2
        share = np.array([100.0 if name == GRIPPER else 200.0 for name in simulation.names])
        floor = np.array([0.0 if name == GRIPPER else -100.0 for name in simulation.names])
        # A value is scale · angle + shift.
        self._scale = np.where(degrees, 1.0, share / span)
        self._shift = np.where(degrees, -middle, floor - share / span * simulation.low)
        self.is_connected = False

    @classmethod
    def joint_names(cls, model: str | None = None, **_: object) -> tuple[str, ...]:
        """Return the names of the joints of a model."""
        return Simulation(MODEL if model is None else Path(model)).names

    @classmethod
    def check(cls, camera: str | None = None, **_: object) -> None:
        """Check that ``camera`` does not name a real camera, which a simulated arm cannot read.

        Raises:
            RobotError: a real camera is named.
        """
        if camera not in {None, RENDERED}:
            raise RobotError(
                f"the twin renders its picture, and does not read camera {camera!r}",
                hint=f"give camera={RENDERED}",
            )

    @classmethod
    def camera_shapes(
        cls, cameras: Mapping[str, tuple[int, int, int]] | None = None, **_: object
    ) -> dict[str, tuple[int, int, int]]:
        """Return the height, width and channels of the rendered pictures."""
        return dict(cameras or {})

    def use_generator(self, rng: np.random.Generator) -> None:
        """Draw delays and noise from this random generator."""
        self._rng = rng

    @property
    def observation_features(self) -> Mapping[str, Feature]:
        """The features of an observation: position, velocity and load of each joint, and the pictures."""
        numbers: dict[str, Feature] = {
            f"{name}.{what}": float for what in OBSERVED for name in self._simulation.names
        }
        return numbers | dict(self._cameras)

    @property
    def action_features(self) -> Mapping[str, Feature]:
        """The features of an action: the goal position of each joint."""
        return {f"{name}.pos": float for name in self._simulation.names}

    def connect(self) -> None:
        """Mark the driver as connected. There is no device to open."""
        self.is_connected = True

    def disconnect(self) -> None:
        """Free the simulation's renderers."""
        self.is_connected = False
        self._simulation.close()

    def get_observation(self) -> dict[str, Reading]:
        """Return an earlier state of the joints, with noise on the positions. The delay is ``sensor_ms`` with jitter.

        The pictures show the present state.
        """
        limit_s = self._now_s - self._late(self._sensor_s) + 1e-9
        old_enough = (one for one in reversed(self._read) if one[0] <= limit_s)
        _, angles, velocities, loads = next(old_enough, self._read[0])
        if self._noise_deg:
            angles = angles + self._rng.normal(0.0, self._noise_deg, len(angles))
        found: dict[str, Reading] = {}
        for what, values in zip(
            OBSERVED, (angles * self._scale + self._shift, velocities * self._scale, loads), strict=True
        ):
            found |= {
                f"{name}.{what}": value
                for name, value in zip(self._simulation.names, values.tolist(), strict=True)
            }
        found |= {name: self._simulation.picture(name, shape) for name, shape in self._cameras.items()}
        return found

    def send_action(self, action: dict[str, float]) -> dict[str, Reading]:
        """Send goals, clipped to the joints' ranges. Return the goals that were sent."""
        simulation = self._simulation
        goals = (self._goals[-1][1] if self._goals else self._simulation.goals).copy()
        for feature, value in action.items():
            name = feature.removesuffix(".pos")
            if name not in simulation.names:
                raise RobotError(f"the twin has no joint {name!r}")
            at = simulation.names.index(name)
            goals[at] = (value - self._shift[at]) / self._scale[at]
        goals = np.clip(goals, simulation.low, simulation.high)
        earliest_s = self._goals[-1][0] if self._goals else 0.0  # goals do not overtake each other
        self._goals.append((max(earliest_s, self._now_s + self._late(self._actuator_s)), goals))
        values = goals * self._scale + self._shift
        return {f"{name}.pos": value for name, value in zip(simulation.names, values.tolist(), strict=True)}

    def step(self, period_s: float) -> None:
        """Advance the simulation by a period."""
        count, length_s = steps_of(period_s)
        began_s = self._now_s
        for number in range(1, count + 1):
            while self._goals and self._goals[0][0] <= self._now_s + 1e-9:
                self._simulation.aim(self._goals.popleft()[1])
            self._simulation.step(length_s)
            self._now_s = began_s + number * length_s
            if self._remembers or number == count:
                self._read.append(self._state())
        oldest_s = self._now_s - self._sensor_s - 20 * self._jitter_s - period_s
        while len(self._read) > 1 and self._read[0][0] < oldest_s:
            self._read.popleft()

    def _state(self) -> tuple[float, Vector, Vector, Vector]:
        simulation = self._simulation
        return self._now_s, simulation.angles, simulation.velocities, simulation.loads

    def _late(self, least_s: float) -> float:
        return least_s + (float(self._rng.exponential(self._jitter_s)) if self._jitter_s else 0.0)
