"""The parameters of a robot, and the spec that follows from them: actions, observations and rate."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, JsonValue, field_validator

from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.spaces import ArraySpec, Continuous, PartsSpec, PlantSpec, RateHz
from rtgraph.nodes.plant import PlantParams
from rtgraph.nodes.plant.default import check_default
from rtgraph.nodes.plant.gate import GateParams, LatestParams, PlayoutParams
from rtgraph.nodes.robot.connection.link_params import LinkParams
from rtgraph.nodes.robot.driver import Feature
from rtgraph.nodes.robot.joints import SUFFIX, Command, JointParams, Limits, Vector
from rtgraph.nodes.robot.moves import CAREFUL_SPEED, Moves, MovesParams
from rtgraph.nodes.robot.safety import NEAR_S
from rtgraph.nodes.robot.task import Task, make_task

MAX_AGE_MS = 500.0
NO_TORQUES = (
    "torque commands are not supported: no safety rule keeps a joint under torque within its range and speed"
)
JOINTS = "joints"
"""With cameras, an observation is a dict. This is the key of the array that holds the numbers of the joints."""


class RobotParams(PlantParams):
    """The parameters of a robot, real or simulated."""

    driver: str
    """The class of the driver, package.module:Class."""
    driver_params: dict[str, JsonValue] = Field(default_factory=dict)
    """The keyword arguments with which the driver is made."""
    rate_hz: RateHz = 60.0
    """Ticks per second."""
    joints: dict[str, JointParams] = Field(default_factory=dict)
    """The joints and their limits, by name, in the order of the action."""
    command: Command = "position"
    """The quantity that the numbers of an action set: positions or velocities of the joints."""
    moves: MovesParams | None = None
    """Discrete actions that move one joint at a time; null: the action is a goal for each joint."""
    scaled: bool = False
    """Whether to scale the observed numbers: positions and targets from −1 to 1 over each joint's range, velocities as
    shares of the joint's maximum speed."""
    observe: tuple[str, ...] = ("pos",)
    """The features of each joint to observe: pos, and others that the driver gives, such as vel."""
    cameras: dict[str, tuple[int, int, int]] = Field(default_factory=dict)
    """The driver's pictures to observe: height, width and channels by name."""
    camera_stale_s: float = Field(default=1.0, gt=0)
    """Age of a picture at which the robot stops."""
    task: str = "free"
    """Reward, end and reset: free, reach, or package.module:Class."""
    task_params: dict[str, JsonValue] = Field(default_factory=dict)
    """The keyword arguments with which the task is made."""
    gate: GateParams = LatestParams(max_age_ms=MAX_AGE_MS)
    """How one of the received decisions is chosen at each tick. For a robot, decisions always have a maximum age."""
    default: str = "hold"
    """The default behaviour β, which acts at ticks without a decision: hold (stand still), repeat_last, or
    package.module:Class. With velocity commands also zero and noop, which are zero velocity."""
    catch_up_ticks: int = Field(default=0, ge=0, le=0)
    """Always 0: a robot skips missed ticks."""
    link: LinkParams = LinkParams()
    """Deadlines of the driver's calls, and retries after a fault."""
    homing_speed: float = Field(default=0.25, gt=0, le=1)
    """Share of the maximum speed at which the robot goes to the pose of a reset and to its park pose."""
    resume_within_s: float | None = Field(default=NEAR_S, gt=0)
    """After a hold, a position command is admitted only if each joint can reach it in this time at its maximum speed; null
    admits all. Exploration with random positions needs null. Speed and acceleration are limited in either case."""
    dry_run: bool = False
    """Read the device, and never write to it."""
    torque_off: bool = True
    """Switch the torque off at the end, once the robot is at its park pose."""
    on_fault: Literal["park", "hold", "torque_off"] = "park"
    """What the robot does when the plant's code raises an error."""
    estop: Literal["hold", "torque_off"] = "hold"
    """What the robot does at an emergency stop."""

    @field_validator("command", mode="before")
    @classmethod
    def _no_torques(cls, command: object) -> object:
        if command == "torque":
            raise ValueError(f"{NO_TORQUES}. hint: position or velocity")
        return command

    @field_validator("gate")
    @classmethod
    def _bounded(cls, gate: LatestParams | PlayoutParams) -> LatestParams | PlayoutParams:
        """Set a maximum age of decisions if the gate has none, so that an old decision never moves the robot."""
        return gate.model_copy(update={"max_age_ms": gate.max_age_ms or MAX_AGE_MS})


def check_params(params: RobotParams) -> None:
    """Check what the types of the parameters cannot express, such as parameters that exclude each other. No driver is made.

    Raises:
        NodeError: the parameters are wrong.
    """
    if params.task == "reach" and params.command == "velocity":
        raise NodeError(
            "the task 'reach' moves the robot to a pose, so it needs position commands",
            hint="set command: position, or another task",
        )
    task_of(params)
    moves_of(params)
    if params.default == "noop" and params.command == "position":
        raise NodeError(
            "the default behaviour cannot be noop for a robot with position commands: without a decision the robot would move to a fixed pose",
            hint="set default: hold",
        )
    if params.default not in {"hold", "zero"}:
        check_default(params.default)
    if params.default == "zero" and params.command == "position":
        raise NodeError(
            "the default behaviour zero means zero velocity, so it needs velocity commands",
            hint="set default: hold, or command: velocity",
        )
    if params.moves is not None and (params.command != "position" or params.default != "hold"):
        raise NodeError(
            "`moves` turns actions into goal positions, so it needs position commands and the default behaviour hold",
            hint="set command: position and default: hold, or remove moves",
        )
    if "pos" not in params.observe:
        raise NodeError(
            "`observe` does not include pos, the positions of the joints", hint="add pos to observe"
        )


def task_of(params: RobotParams) -> Task:
    """Make the task object that ``params.task`` and ``params.task_params`` describe.

    Raises:
        NodeError: a limit is missing, or the task cannot be made.
    """
    return make_task(params.task, Limits.of(params.joints), params.rate_hz, params.task_params)


def moves_of(params: RobotParams, default_speed: float = CAREFUL_SPEED) -> Moves | None:
    """Return the discrete actions; None if actions are goals. ``default_speed`` applies if ``moves`` sets no speed.

    Raises:
        NodeError: ``moves`` names a joint that the robot does not have, or a limit is missing.
    """
    return (
        None
        if params.moves is None
        else Moves(params.moves, Limits.of(params.joints), params.rate_hz, default_speed)
    )


def scale_of(params: RobotParams) -> tuple[Vector, Vector]:
    """Return the offsets and the divisors with which observed numbers are scaled, two arrays (n,) for n numbers.

    The scaled numbers are (number − offset) / divisor.
    """
    limits, names = Limits.of(params.joints), (*numbers_of(params), *task_of(params).observed)
    shift, scale = np.zeros(len(names)), np.ones(len(names))
    for at, name in enumerate(names):
        joint, _, what = name.rpartition(".")
        if joint in limits.names and params.scaled:
            number = limits.names.index(joint)
            low, high = limits.low[number], limits.high[number]
            if what == "vel":
                scale[at] = limits.speed[number]
            elif what in {"pos", "target", "offset"} and np.isfinite(high):
                scale[at] = (high - low) / 2
                shift[at] = 0.0 if what == "offset" else (low + high) / 2
    return shift, scale


def numbers_of(params: RobotParams) -> tuple[str, ...]:
    """Return the driver's features that are observed as numbers, in the order of the observation."""
    return tuple(f"{joint}.{suffix}" for suffix in params.observe for joint in params.joints)


def features_of(params: RobotParams) -> dict[str, Feature]:
    """Return all features of the driver that are observed: numbers and pictures."""
    return {**dict.fromkeys(numbers_of(params), float), **params.cameras}


def commanded_by(params: RobotParams) -> frozenset[str]:
    """Return the driver's features that are commanded."""
    return frozenset(f"{joint}.{SUFFIX[params.command]}" for joint in params.joints)


def spec_of(params: RobotParams) -> PlantSpec:
    """Return the spec of a robot: its actions, observations and rate.

    Raises:
        NodeError: a limit is missing, the task cannot be made, or a camera or a joint does not fit.
    """
    limits = Limits.of(params.joints)
    names = (*numbers_of(params), *task_of(params).observed)
    units = {joint.unit for joint in params.joints.values()}
    numbers = ArraySpec(
        dtype="float32",
        shape=(len(names),),
        names=names,
        unit=units.pop() if len(units) == 1 and not params.scaled and params.observe == ("pos",) else "",
    )
    pictures = {
        name: ArraySpec(dtype="uint8", shape=shape, low=0, high=255) for name, shape in params.cameras.items()
    }
    if JOINTS in pictures:
        raise NodeError(
            f"a camera cannot be named {JOINTS!r}: the numbers in an observation have this name",
            hint="rename the camera",
        )
    return PlantSpec(
        rate_hz=params.rate_hz,
        observation=PartsSpec(parts={JOINTS: numbers, **pictures}) if pictures else numbers,
        action=_action_of(params, limits) if (moves := moves_of(params)) is None else moves.space,
    )


def _action_of(params: RobotParams, limits: Limits) -> Continuous:
    low, high = limits.low, limits.high
    if params.command == "velocity":
        low, high = -limits.speed, limits.speed
    elif endless := [name for name, joint in params.joints.items() if joint.range == "endless"]:
        raise NodeError(
            f"endless joints need velocity commands: {', '.join(endless)}",
            hint="set command: velocity",
        )
    per = "/s" if params.command == "velocity" else ""
    return Continuous(
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        names=tuple(params.joints),
        units=tuple(f"{joint.unit}{per}" for joint in params.joints.values()),
        command=params.command,
    )
