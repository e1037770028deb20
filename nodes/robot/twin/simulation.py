"""The simulation of an arm in MuJoCo. Only this module uses MuJoCo."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.errors import RobotError
from rtgraph.msgs.typed.extras import needed_by

Vector = npt.NDArray[np.float64]
MODEL = Path(__file__).with_name("arm.xml")
MOST_STEP_S = 0.002
"""Maximum step of the simulation, in seconds."""


def mujoco() -> ModuleType:
    """Import MuJoCo.

    Raises:
        MissingPackage: MuJoCo is not installed.
    """
    with needed_by("the twin of an arm"):
        return importlib.import_module("mujoco")


class Simulation:
    """One arm in MuJoCo, with hinge joints and position actuators. Angles are in degrees.

    ``names`` are the joints in the order of the model's actuators. Vectors have the same order.

    Args:
        path: the MJCF file.

    Raises:
        MissingPackage: MuJoCo is not installed.
        RobotError: the file is missing or invalid.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        library = mujoco()
        if not path.is_file():
            raise RobotError(
                f"{path} {'is not a file' if path.exists() else 'does not exist'}",
                hint="give the path of a MuJoCo model (MJCF, .xml)",
            )
        try:
            model: Any = library.MjModel.from_xml_path(str(path))
        except ValueError as error:
            raise RobotError(
                f"{path}: the file is not a MuJoCo model: {str(error).partition(chr(10))[0]}"
            ) from error
        self._mujoco, self._model = library, model
        self._data: Any = library.MjData(model)
        self._renderer: dict[tuple[int, ...], Any] = {}
        joints = [int(model.actuator_trnid[at, 0]) for at in range(model.nu)]
        self.names = tuple(model.joint(joint).name for joint in joints)
        self._positions = np.array([model.jnt_qposadr[joint] for joint in joints])
        self._velocities = np.array([model.jnt_dofadr[joint] for joint in joints])
        limits = np.degrees(np.array([model.jnt_range[joint] for joint in joints]).reshape(-1, 2))
        self.low, self.high = limits[:, 0].copy(), limits[:, 1].copy()
        self._strength = np.array(model.actuator_forcerange[:, 1])
        self.place((self.low + self.high) / 2)

    @property
    def angles(self) -> Vector:
        """The angles of the joints, (joints,) in degrees."""
        return _degrees(self._data.qpos[self._positions])

    @property
    def goals(self) -> Vector:
        """The goals of the servos, (joints,) in degrees."""
        return _degrees(self._data.ctrl)

    @property
    def velocities(self) -> Vector:
        """The velocities of the joints, (joints,) in degrees per second."""
        return _degrees(self._data.qvel[self._velocities])

    @property
    def loads(self) -> Vector:
        """The torques of the servos, (joints,), in percent of each servo's maximum."""
        loads: Vector = 100 * np.array(self._data.actuator_force) / self._strength
        return loads

    def place(self, angles: Vector) -> None:
        """Place the arm at rest at angles of shape (joints,), and set the goals to the same angles."""
        self._data.qpos[self._positions] = np.radians(angles)
        self._data.qvel[:] = 0
        self.aim(angles)
        self._mujoco.mj_forward(self._model, self._data)

    def aim(self, goals: Vector) -> None:
        """Set the goals of the servos, angles of shape (joints,), clipped to the joints' ranges."""
        self._data.ctrl[:] = np.radians(np.clip(goals, self.low, self.high))

    def step(self, duration_s: float) -> None:
        """Advance the simulation by one step of ``duration_s``, which is at most ``MOST_STEP_S``."""
        self._model.opt.timestep = duration_s
        self._mujoco.mj_step(self._model, self._data)

    def picture(self, camera: str, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
        """Return the picture of a camera, (height, width, 3) uint8 RGB.

        Args:
            camera: the name of a camera in the model.
            shape: (height, width, 3).

        Raises:
            RobotError: there is no such camera, or rendering fails.
        """
        try:
            if shape not in self._renderer:
                self._renderer[shape] = self._mujoco.Renderer(self._model, height=shape[0], width=shape[1])
            renderer = self._renderer[shape]
            renderer.update_scene(self._data, camera=camera)
            picture: npt.NDArray[np.uint8] = renderer.render()
        except Exception as error:  # each backend of OpenGL raises other kinds
            cameras = [self._model.camera(at).name for at in range(self._model.ncam)]
            if camera not in cameras:
                raise RobotError(
                    f"{self.path} has no camera {camera!r}",
                    hint=f"the cameras of the model are: {', '.join(cameras) or 'none'}",
                ) from error
            raise RobotError(
                f"camera {camera!r} cannot be rendered: {str(error).partition(chr(10))[0] or type(error).__name__}",
                hint="set MUJOCO_GL=egl, or install libosmesa6 and set MUJOCO_GL=osmesa",
            ) from error
        return picture

    def close(self) -> None:
        """Free the renderers of the cameras."""
        while self._renderer:
            self._renderer.popitem()[1].close()

    def world_state(self) -> dict[str, Any]:
        """Return the whole state of the simulation, for a checkpoint."""
        kind = self._mujoco.mjtState.mjSTATE_INTEGRATION
        state = np.empty(self._mujoco.mj_stateSize(self._model, kind))
        self._mujoco.mj_getState(self._model, self._data, state, kind)
        return {"path": self.path, "state": state, "force": np.array(self._data.actuator_force)}

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the whole state of the simulation from a checkpoint."""
        Simulation.__init__(self, state["path"])
        kind = self._mujoco.mjtState.mjSTATE_INTEGRATION
        self._mujoco.mj_setState(self._model, self._data, state["state"], kind)
        self._data.actuator_force[:] = state["force"]


def _degrees(radians: Vector) -> Vector:
    return np.degrees(radians)


def steps_of(duration_s: float) -> tuple[int, float]:
    """Divide a time into equal steps. Return the number of steps, and the length of each in seconds."""
    count = max(1, math.ceil(duration_s / MOST_STEP_S - 1e-9))
    return count, duration_s / count
