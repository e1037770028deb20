"""Teleoperation devices: leader arm, gamepad, keyboard, or a class of your own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol, cast, get_args

from pydantic import JsonValue

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime.classes.imports import class_at
from rtgraph.nodes.runtime.classes.loading import call_problem

SHIPPED: Mapping[str, str] = {
    "leader": "rtgraph.nodes.robot.teleop.leader:LeaderArm",
    "gamepad": "rtgraph.nodes.robot.teleop.pad:Gamepad",
    "keyboard": "rtgraph.nodes.robot.teleop.pad:Keyboard",
}

Gives = Literal["positions", "speeds"]
"""Whether a device's values are positions or speeds."""


@dataclass(frozen=True, slots=True)
class DeviceContext:
    """What the teleoperation node passes to its device: the robot's joints and rate, the clock, the log."""

    joints: tuple[str, ...]
    """The robot's joints, in the order of the numbers in its action."""
    rate_hz: float
    now_ns: Callable[[], int]
    """Returns the graph's time. Thread-safe."""
    log: logging.Logger


@dataclass(frozen=True, slots=True)
class OperatorInput:
    """One reading of a teleoperation device: what the person commands at this moment."""

    captured_ns: int
    """When the device was read, on the graph's clock."""
    enabled: bool = True
    """Whether the person commands now. For a gamepad, this is while the deadman button is held."""
    values: Mapping[str, float] = field(default_factory=dict)
    """The command by joint: a position, or a speed from −1 to 1 as a share of the full speed. A joint without a value does
    not move."""
    stop: bool = False
    """Whether the person asks for an emergency stop."""


class Device(Protocol):
    """Reads what a person commands. It is made with a ``DeviceContext`` and the node's ``device_params``.

    A device may have an attribute ``trouble``: a text that says why the device cannot be read at present; empty if it
    can be read. The summary of the launch shows this text.
    """

    gives: ClassVar[Gives]
    """Whether ``OperatorInput.values`` are positions or speeds."""
    realtime_only: ClassVar[bool]
    """Whether the device works in real time only."""

    def read(self) -> OperatorInput | None:
        """Return what the person commands now; None if the device cannot be read. The call does not block."""
        ...

    def close(self) -> None:
        """Release the device."""
        ...


def device_class(name: str) -> type[Device]:
    """Return the class of a device: ``leader``, ``gamepad``, ``keyboard``, or ``package.module:Class``.

    Raises:
        NodeError: the device or the class does not exist.
    """
    if name not in SHIPPED and ":" not in name:
        raise NodeError(
            f"unknown teleoperation device {name!r}",
            hint=f"use {', '.join(SHIPPED)}, or package.module:Class",
        )
    try:
        return cast(type[Device], class_at(SHIPPED.get(name, name)))
    except NodeError as error:
        raise NodeError(f"device {name!r} cannot be loaded: {error.problem}", hint=error.hint) from error


def check_device(name: str, params: Mapping[str, JsonValue]) -> None:
    """Check that a device exists and takes these parameters. Nothing is opened.

    If the device's class has a class method ``check``, this method is called with the parameters.

    Raises:
        NodeError: the device does not exist, lacks an attribute, or does not take these parameters. Its method ``check``
            may raise other errors.
    """
    found = device_class(name)
    for attribute, meaning in (
        ("read", "define read(self)"),
        ("close", "define close(self)"),
        ("gives", "set gives = 'positions' or 'speeds'"),
        ("realtime_only", "set realtime_only = True or False"),
    ):
        if not hasattr(found, attribute):
            raise NodeError(f"device {name!r} has no attribute {attribute}", hint=meaning)
    if found.gives not in get_args(Gives):
        raise NodeError(
            f"device {name!r} has the attribute gives = {found.gives!r:.60}",
            hint="set gives = 'positions' or 'speeds'",
        )
    if type(found.realtime_only) is not bool:
        raise NodeError(
            f"device {name!r} has the attribute realtime_only = {found.realtime_only!r:.60}",
            hint="set realtime_only = True or False",
        )
    if problem := call_problem(found, None, **params):
        raise NodeError(f"device {name!r} does not take these device_params: {problem}")
    if (check := getattr(found, "check", None)) is not None:
        check(**params)
