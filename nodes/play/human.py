"""The node of ``rtgraph play``: a person, or a script of inputs, plays in place of the agent."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rtgraph.msgs import Decision, Discrete, Observation, PlantSpec, Screen
from rtgraph.msgs.array import Array
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.spaces import Value, parts_of
from rtgraph.nodes.display import check_pygame
from rtgraph.nodes.play.bindings import Bindings
from rtgraph.nodes.play.script import read_script
from rtgraph.nodes.play.window import Window
from rtgraph.nodes.runtime import Input, Node, Output, Params, Placement, latest

LOOK_PERIOD_NS = 15_000_000


class HumanParams(Params):
    """The plant that a person plays, and the window or the script of inputs."""

    plant: PlantSpec
    """The plant's spec: `${spec:plant}`."""
    idle: int = Field(default=0, ge=0)
    """The index of the action while no button is held."""
    script: str | None = None
    """A script of inputs that acts in the person's place: a file, or the name of a script that comes with rtgraph."""
    title: str = "rtgraph"
    """The title of the window."""


class Human(Node[HumanParams]):
    """Publishes the action of the buttons that the person holds. There is one action for each observation, for the next tick.

    In real time the node shows the plant in a window and reads keyboard and gamepad; closing the window, or Escape, ends the
    launch. In virtual time there is no window, so a script is needed. In both worlds, a script decides in the person's place,
    and the launch ends when the script is over.
    """

    reproducible: ClassVar[bool] = False

    observation = Input(Observation, latest)
    screen = Input(Screen, latest, optional=True)
    decision = Output(Decision)

    @classmethod
    def check(cls, params: HumanParams) -> None:
        """Check that the plant has discrete actions, and that the script can be read."""
        actions = _actions_of(params.plant)
        if params.script is not None:
            read_script(params.script, actions)

    @classmethod
    def check_placement(cls, params: HumanParams, placement: Placement) -> None:
        """Check that the node can run: a person needs real time and a window; a script also runs in virtual time."""
        if placement.realtime:
            check_pygame()
        elif params.script is None:
            raise NodeError(
                "a person can play in real time only",
                hint="use --world realtime, or a script of inputs: --script FILE",
            )

    def on_prepare(self) -> None:
        """Read the script. In real time, open the window."""
        params, actions = self.params, _actions_of(self.params.plant)
        self._bindings = Bindings(actions, params.idle)
        self._script = None if params.script is None else read_script(params.script, actions)
        self._window: Window | None = None
        if self.context.launch_context.realtime:
            self._window = Window(params.title, (*self._bindings.help, "Esc: end"))

    def on_start(self) -> None:
        self._decisions = 0
        self._return = 0.0
        self._newest: Observation | None = None
        self._sees_screens = False
        if self._window is not None:
            self.every(LOOK_PERIOD_NS, self._look)

    def on_observation(self, observation: Observation) -> None:
        self._newest = observation
        self._return = observation.reward + (0.0 if observation.first else self._return)
        if self._script is not None and observation.tick >= len(self._script):
            self.finish(f"the script is over, {len(self._script):,} ticks")
            return
        self.decision.publish(
            Decision(
                worker=self.name,
                number=self._decisions,
                action=self._action(observation.tick),
                began_ns=observation.header.stamp_ns,
                inference_ns=max(0, self.now_ns - observation.header.stamp_ns),
            ),
            of=observation,
        )
        self._decisions += 1
        if not self._sees_screens:
            self._show(_picture_of(observation.value))

    def on_screen(self, screen: Screen) -> None:
        self._sees_screens = True
        self._show(screen.image)

    def on_stop(self) -> None:
        if self._window is not None:
            self._window.close()

    def world_state(self) -> dict[str, Any]:
        """Return the state to save in a checkpoint, without script, keys and window. A restored node creates these again."""
        state = super().world_state()
        return {
            name: value for name, value in state.items() if name not in {"_script", "_bindings", "_window"}
        }

    def load_world_state(self, state: dict[str, Any]) -> None:
        super().load_world_state(state)
        self.on_prepare()

    def _action(self, tick: int) -> int:
        """Return the index of the action for the next tick: the script's action or, without a script, that of the held buttons."""
        held = () if self._window is None else self._window.held()
        return self._bindings.action(held) if self._script is None else self._script[tick]

    def _look(self) -> None:
        if self._window is not None:
            self._window.look()
            if self._window.closed:
                self.finish("the window was closed")

    def _show(self, image: npt.NDArray[np.uint8] | None) -> None:
        if self._window is None or self._newest is None:
            return
        seen = self._newest
        measured = (f"{name} {value:g}" for name, value in seen.measurements.items())
        self._window.show(
            image, "   ".join((f"episode {seen.episode + 1}", f"return {self._return:g}", *measured))
        )


def _actions_of(plant: PlantSpec) -> Discrete:
    """Return the plant's actions.

    Raises:
        NodeError: the plant's actions are not discrete.
    """
    if not isinstance(plant.action, Discrete):
        raise NodeError(
            f"a person can only play a plant with discrete actions, and this plant has {plant.action.kind} actions",
            hint="choose another plant",
        )
    return plant.action


def _picture_of(value: Value) -> npt.NDArray[np.uint8] | None:
    """Convert an observation to an RGB image. An observation with several parts gives its first image; None if there is no image."""
    images = map(_image_of, parts_of(value).values())
    return next((image for image in images if image is not None), None)


def _image_of(value: Array) -> npt.NDArray[np.uint8] | None:
    if value.dtype != np.uint8 or value.ndim not in {2, 3} or min(value.shape[:2]) < 8:
        return None
    image = np.asarray(value, np.uint8)
    if image.ndim == 2:
        return np.repeat(image[:, :, None], 3, axis=2)
    return image if image.shape[2] == 3 else None
