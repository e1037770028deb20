"""Calls into the library LeRobot: its types of robots, and their configurations.

Only this module imports LeRobot. It imports only the modules of the requested types, because each brand of motors and
cameras has dependencies that may not be installed. For a type that LeRobot itself lacks, it imports all installed plugins.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from rtgraph.msgs.errors import RobotError
from rtgraph.msgs.typed.nearest import nearest

_REGISTERED = re.compile(r"(\w+)\.register_subclass\(\s*[\"']([\w-]+)[\"']")
_KEEPS_TORQUE = "disable_torque_on_disconnect"


def make_config(robot_type: str, config: Mapping[str, object]) -> Any:
    """Return the configuration of a robot. No device is opened.

    A key with the value null is ignored. By default the torque stays on when the robot disconnects, so that a fault of
    the bus does not drop an arm.

    Raises:
        RobotError: LeRobot or a dependency of the type is not installed, LeRobot has no robot of this type, or the
            configuration does not fit the type.
    """
    base: Any = _imported("lerobot.robots").RobotConfig
    config_class = _class_of(base, "lerobot.robots", robot_type)
    given = {key: value for key, value in config.items() if value is not None}
    cameras = given.get("cameras")
    for camera in cameras.values() if isinstance(cameras, dict) else ():
        if isinstance(camera, dict) and "type" in camera:
            _class_of(_imported("lerobot.cameras").CameraConfig, "lerobot.cameras", str(camera["type"]))
    fields = {field.name: field for field in dataclasses.fields(config_class) if field.init}
    if unknown := [key for key in given if key not in fields]:
        raise RobotError(
            f"the robot {robot_type} has no parameter {unknown[0]!r}", hint=nearest(unknown[0], fields)
        )
    if absent := [name for name, field in fields.items() if _is_needed(field) and name not in given]:
        raise RobotError(
            f"the robot {robot_type} needs the parameter {', '.join(absent)}", hint="give it in driver_params"
        )
    if _KEEPS_TORQUE in fields:
        given = {_KEEPS_TORQUE: False, **given}
    try:
        return _imported("draccus").decode(base, {"type": robot_type, **given})
    except Exception as error:  # whatever the configuration's code raises
        raise RobotError(
            f"the parameters of the robot {robot_type} are wrong: {' '.join(str(error).split())[:300]}",
            hint="correct driver_params",
        ) from error


def make_robot(robot_type: str, config: Mapping[str, object]) -> Any:
    """Return a new robot of LeRobot. It is not connected.

    Raises:
        RobotError: LeRobot or a dependency of the type is not installed, LeRobot has no robot of this type, or the
            configuration does not fit the type.
    """
    made = make_config(robot_type, config)
    try:
        return _imported("lerobot.robots.utils").make_robot_from_config(made)
    except ImportError as error:
        raise _lacks(robot_type, error) from error


def _class_of(base: Any, package: str, name: str) -> type:
    """Return the configuration class that LeRobot registers under a name."""
    found = dict(_registered(_imported(package), base.__name__))
    if name in found:
        try:
            importlib.import_module(found[name])
        except ImportError as error:
            raise _lacks(name, error) from error
    elif name not in base.get_known_choices():
        _import_plugins(package)
    known = base.get_known_choices()
    if name not in known:
        raise RobotError(
            f"LeRobot {_version()} has no {base.__name__.removesuffix('Config').lower()} {name!r}",
            hint=nearest(name, {*known, *found}),
        )
    made: type = known[name]
    return made


def _registered(package: ModuleType, base: str) -> Iterator[tuple[str, str]]:
    """Yield the type names that the modules of a LeRobot package register with the class named ``base``. Nothing is imported.

    Each item is a type name, and the path of the subpackage that registers it.
    """
    for folder in map(Path, package.__path__):
        for file in sorted(folder.glob("*/*.py")):
            for registry, name in _REGISTERED.findall(file.read_text(encoding="utf-8", errors="replace")):
                if registry == base:
                    yield name, f"{package.__name__}.{file.parent.name}"


def _import_plugins(package: str) -> None:
    """Import installed packages that add robots or cameras to LeRobot."""
    prefix = f"lerobot_{package.rpartition('.')[2].removesuffix('s')}_"
    for distribution in importlib.metadata.distributions():
        name = (distribution.metadata["Name"] or "").replace("-", "_")
        if name.startswith(prefix):
            try:
                importlib.import_module(name)
            except ImportError as error:
                raise _lacks(name, error) from error


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "lerobot":
            raise RobotError(
                f"{sys.executable} has no LeRobot",
                hint=f"{sys.executable} -m pip install 'lerobot[feetech]'",
            ) from error
        raise _lacks("LeRobot", error) from error
    except ImportError as error:
        raise _lacks("LeRobot", error) from error


def _lacks(what: str, error: ImportError) -> RobotError:
    return RobotError(
        f"{what} cannot be imported: {error}",
        hint=f"install the package that it names: {sys.executable} -m pip install PACKAGE",
    )


def _is_needed(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _version() -> str:
    try:
        return importlib.metadata.version("lerobot")
    except importlib.metadata.PackageNotFoundError:
        return "of this interpreter"
