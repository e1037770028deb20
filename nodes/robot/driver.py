"""The interface of drivers, through which a plant reads and commands a device.

The methods have the names of LeRobot's ``Robot``, so a robot of LeRobot is a driver without changes. A driver may
block, and may raise anything: the plant of a real device calls it in a separate thread. If it raises too often, that plant
makes a new driver object.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime.classes.imports import class_at
from rtgraph.nodes.runtime.classes.loading import call_problem

Reading = float | npt.NDArray[np.generic]
"""A number, such as the position of a joint, or a picture."""
Feature = type | tuple[int, ...]
"""``float`` for a number, (height, width, channels) for a uint8 picture."""

METHODS = ("connect", "disconnect", "get_observation", "send_action")


@runtime_checkable
class Driver(Protocol):
    """Reads and commands one device.

    Features are flat: ``shoulder_pan.pos`` is a position of a joint, ``shoulder_pan.vel`` a velocity, ``wrist`` a
    picture. All of a driver's calls come from one thread.
    """

    @property
    def is_connected(self) -> bool:
        """Whether the driver is connected to the device."""
        ...

    @property
    def observation_features(self) -> Mapping[str, Feature]:
        """The features that ``get_observation`` returns: the type or shape of each, by name."""
        ...

    @property
    def action_features(self) -> Mapping[str, Feature]:
        """The features that ``send_action`` takes: the type of each, by name."""
        ...

    def connect(self) -> None:
        """Connect to the device. Nothing moves."""
        ...

    def disconnect(self) -> None:
        """Release the device. Nothing moves, and the torque stays as it is."""
        ...

    def get_observation(self) -> Mapping[str, Reading]:
        """Read the device: one value for each observation feature."""
        ...

    def send_action(self, action: dict[str, float]) -> Mapping[str, Reading]:
        """Send a goal for each action feature. Return the action that was actually sent."""
        ...


@runtime_checkable
class TimedDriver(Driver, Protocol):
    """A driver that knows when its readings were captured."""

    def ages_ns(self) -> Mapping[str, int]:
        """Return the age of each feature of the last observation, in ns since its capture.

        A feature is missing if its capture time is unknown.
        """
        ...


@runtime_checkable
class TorqueDriver(Driver, Protocol):
    """A driver that can switch the torque of its motors."""

    def set_torque(self, on: bool) -> None:
        """Switch the torque of all motors on or off."""
        ...


def check_driver(path: str, params: Mapping[str, object]) -> None:
    """Check that a driver's class exists, takes these parameters, and has the methods of ``Driver``. No driver is made.

    If the class has a class method ``check``, this method is called with the parameters.

    Args:
        path: the class, ``package.module:Class``.
        params: the keyword arguments with which the driver is made.

    Raises:
        NodeError: the class does not exist, lacks a method, or does not take these parameters. Its method ``check`` may
            raise other errors.
    """
    driver = driver_class(path)
    if missing := [name for name in METHODS if not hasattr(driver, name)]:
        raise NodeError(
            f"driver {path!r} has no method {missing[0]}",
            hint="a driver needs connect, disconnect, get_observation and send_action",
        )
    if problem := call_problem(driver, **params):
        raise NodeError(f"driver {path!r} does not take these driver_params: {problem}")
    if (check := getattr(driver, "check", None)) is not None:
        check(**params)


def check_joints(path: str, params: Mapping[str, object], joints: Collection[str]) -> None:
    """Check that a graph describes exactly the joints of the device, if the driver's class knows them.

    A class knows its joints if it has a class method ``joint_names``, which takes the driver's parameters.

    Raises:
        NodeError: the joints differ.
    """
    names = getattr(driver_class(path), "joint_names", None)
    if names is None:
        return
    found = names(**params)
    if more := [name for name in found if name not in joints]:
        raise NodeError(
            f"driver {path!r} has joints that the graph does not command: {', '.join(more)}",
            hint="add them to `joints` of the plant",
        )
    if less := [name for name in joints if name not in found]:
        raise NodeError(
            f"driver {path!r} lacks joints of the graph: {', '.join(less)}",
            hint="remove them from `joints` of the plant, or correct driver_params",
        )


def check_cameras(
    path: str, params: Mapping[str, object], cameras: Mapping[str, tuple[int, int, int]]
) -> None:
    """Check that the device gives the pictures that a graph describes, if the driver's class knows its pictures.

    A class knows its pictures if it has a class method ``camera_shapes``, which takes the driver's parameters.

    Args:
        path: the class, ``package.module:Class``.
        params: the driver's parameters.
        cameras: height, width and channels of the plant's pictures, by name.

    Raises:
        NodeError: the device gives no such picture, or one of another size.
    """
    shapes = getattr(driver_class(path), "camera_shapes", None)
    if shapes is None:
        return
    given = shapes(**params)
    for name, shape in cameras.items():
        if name not in given:
            raise NodeError(
                f"driver {path!r} does not give camera {name!r} of the graph",
                hint=f"the driver gives {', '.join(given) or 'no pictures'}: see cameras in driver_params",
            )
        if tuple(given[name]) != shape:
            raise NodeError(
                f"driver {path!r} gives camera {name!r} as {_sizes(given[name])}, and the graph describes {_sizes(shape)}",
                hint="give the camera the same size in cameras and in driver_params",
            )


def _sizes(shape: Collection[int]) -> str:
    return " × ".join(map(str, shape))


def make_driver(path: str, params: Mapping[str, object]) -> Driver:
    """Return a new driver object. It is not connected.

    Raises:
        NodeError: the class does not exist.
    """
    driver: Driver = driver_class(path)(**params)
    return driver


def feature_problem(driver: Driver, observed: Mapping[str, Feature], commanded: frozenset[str]) -> str:
    """Compare a connected device with the graph. Return the difference as text; empty if there is no difference.

    Args:
        driver: the driver of the connected device.
        observed: the features that the plant reads.
        commanded: the features that the plant commands. They must be exactly the features that the device takes.
    """
    has, takes = driver.observation_features, driver.action_features
    if takes.keys() != commanded:
        return _difference("takes", frozenset(takes), commanded)
    if absent := observed.keys() - has.keys():
        return f"the device does not give {', '.join(sorted(absent))}"
    for name, feature in observed.items():
        if isinstance(feature, tuple) and tuple(_shape(has[name])) != feature:
            return f"the device gives {name} as {has[name]}, not {feature}"
    return ""


def _shape(feature: Feature) -> tuple[int, ...]:
    return feature if isinstance(feature, tuple) else ()


def _difference(verb: str, found: frozenset[str], wanted: frozenset[str]) -> str:
    more, less = ", ".join(sorted(found - wanted)), ", ".join(sorted(wanted - found))
    parts = [f"{verb} {more}, which the graph does not command"] if more else []
    parts += [f"does not take {less}"] if less else []
    return f"the device {' and '.join(parts)}"


def driver_class(path: str) -> type:
    """Return a driver's class by its path, ``package.module:Class``.

    Raises:
        NodeError: the class does not exist.
    """
    try:
        found: type = class_at(path)
    except NodeError as error:
        raise NodeError(f"driver {path!r} cannot be loaded: {error.problem}", hint=error.hint) from error
    return found
