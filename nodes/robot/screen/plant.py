"""The plant of a filmed game: a camera films a real screen, and a driver presses the console's buttons."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field, JsonValue

from rtgraph.msgs import Decision
from rtgraph.msgs.errors import NodeError, RobotError
from rtgraph.msgs.spaces import ArraySpec, Discrete, PlantSpec, RateHz
from rtgraph.nodes.camera import Capture, CaptureParams
from rtgraph.nodes.plant import Choice, Environment, PlantParams, Step
from rtgraph.nodes.plant.environment import Action
from rtgraph.nodes.plant.gate import GateParams, LatestParams
from rtgraph.nodes.robot.connection.link_params import LinkParams
from rtgraph.nodes.robot.device_plant import DevicePlant
from rtgraph.nodes.robot.driver import Driver, check_driver
from rtgraph.nodes.robot.params import MAX_AGE_MS
from rtgraph.nodes.robot.process.isolation import device_driver, start_process
from rtgraph.nodes.robot.safety import Command
from rtgraph.nodes.robot.screen.actions import ATARI_ACTIONS, all_buttons, buttons_of, check_actions
from rtgraph.nodes.robot.screen.control import ScreenControl
from rtgraph.nodes.robot.screen.environment import SMALL, FilmedEnvironment
from rtgraph.nodes.robot.screen.file import ScreenFile
from rtgraph.nodes.robot.screen.link import ScreenLink
from rtgraph.nodes.runtime.clock import period_ns

ATARI = "atari"


class FilmedGameParams(PlantParams):
    """The parameters of a filmed game."""

    camera: CaptureParams
    """The parameters of the camera, the video file or the stream. Their ``size`` is not used: the size is ``camera_size`` of the
    screen file; without a screen file, 640 × 480."""
    screen_file: str | None = None
    """The file that ``rtgraph screen mark`` writes: corners, counters, end and reset. Null: the whole picture is the
    screen, and rewards are 0."""
    driver: str = "rtgraph.nodes.robot.screen:SerialButtons"
    """The class of the buttons' driver, package.module:Class."""
    driver_params: dict[str, JsonValue] = Field(default_factory=dict)
    """The keyword arguments with which the driver is made."""
    actions: str = ATARI
    """The actions, separated by spaces: names of Atari's actions, or of buttons joined by +. The first must be NOOP.
    ``atari`` means all of Atari's actions."""
    rate_hz: RateHz = 60.0
    """Ticks per second."""
    gate: GateParams = LatestParams(max_age_ms=MAX_AGE_MS)
    """How one of the received decisions is chosen at each tick."""
    catch_up_ticks: int = Field(default=0, ge=0, le=0)
    """Always 0: missed ticks of a real game are skipped."""
    link: LinkParams = LinkParams()
    """Deadlines of the driver's calls, and retries after a fault."""
    dry_run: bool = False
    """Film the screen, and press nothing."""

    @property
    def action_names(self) -> tuple[str, ...]:
        """The names of the actions."""
        return ATARI_ACTIONS if self.actions == ATARI else tuple(self.actions.split())


class FilmedGame(DevicePlant[FilmedGameParams]):
    """Plays a game on a real screen: a camera films it, and a driver presses its buttons. In real time only.

    Actions and observations are the same as in the emulated games (``Atari``), so an agent trained there plays on the
    screen. Before each episode a physical reset presses buttons; meanwhile only the state is published.
    """

    hardware: ClassVar[bool] = True
    incidental: ClassVar[frozenset[str]] = frozenset(
        {"camera", "driver", "driver_params", "link", "dry_run", "rate_hz"}
    )
    _control: ScreenControl

    @classmethod
    def spec(cls, params: FilmedGameParams) -> PlantSpec:
        """Return the spec: the observation is a grey picture of 84 × 84, an action one of ``actions``."""
        check_actions(params.action_names)
        return PlantSpec(
            rate_hz=params.rate_hz,
            observation=ArraySpec(dtype="uint8", shape=(SMALL, SMALL), low=0, high=255),
            action=Discrete(count=len(params.action_names), names=params.action_names),
        )

    @classmethod
    def check(cls, params: FilmedGameParams) -> None:
        """Check the actions, the driver's class and the screen file. No device is opened."""
        super().check(params)
        check_actions(params.action_names)
        check_driver(params.driver, params.driver_params)
        _file_of(params)

    def environment(self) -> Environment:
        """Make the environment, and the connection to camera and buttons. The connection opens on ``start``."""
        params, period = self.params, period_ns(self.params.rate_hz)
        if not self.context.launch_context.realtime:
            raise NodeError(
                f"{self.name} drives a device, so it can run in real time only", hint="use --world realtime"
            )
        self._file = _file_of(params)
        if unlearned := self._file.unlearned:
            self.log.warning("%s is not read: no digits were learned for it", ", ".join(unlearned))
        buttons = all_buttons(params.action_names, self._file.buttons)
        link = ScreenLink(
            lambda: device_driver(params.driver, params.driver_params, params.link),
            lambda driver: _problem(driver, buttons),
            params.link,
            period_ns=period,
            now_ns=self.context.now_ns,
            log=self.log,
            stop=dict.fromkeys(buttons, 0.0),
            reads_only=params.dry_run,
        )
        width, height = self._file.camera_size
        link.watch(Capture(params.camera.model_copy(update={"size": (height, width)}), self.context.now_ns))
        actions = [buttons_of(action) for action in params.action_names]
        self._control = ScreenControl(actions, buttons, link, period, self.now_ns)
        self._game = FilmedEnvironment(self.spec(params), self._file, self._control)
        return self._game

    def on_prepare(self) -> None:
        """Start the process of the buttons' driver, and make the environment."""
        start_process(self.params.driver, self.params.driver_params, self.params.link)
        super().on_prepare()

    def on_start(self) -> None:
        """Connect, and reset the game."""
        super().on_start()
        self._control.begin_reset(self._file.reset, self.now_ns)

    def on_failure(self, problem: str) -> None:
        """Release all buttons, and disconnect."""
        self._close(problem)

    def result(self) -> dict[str, Any]:
        """Return the results of ``DevicePlant`` and, for each counter, its value and the counts of unreadable and refused readings."""
        counters = {
            name: {"value": steady.value, "unreadable": steady.unreadable, "refused": steady.refused}
            for name, steady in self._game.board.counters.items()
        }
        return {**super().result(), "counters": counters}

    def _is_ready(self) -> bool:
        return self._control.is_ready

    def _on_tick(self) -> None:
        super()._on_tick()
        if self._resets:  # between two games
            self._game.look(self.now_ns)
            self._control.tick(None, 0, self.now_ns)

    def _reset(self, due_ns: int, began_ns: int, unwanted: int) -> None:
        self._game.look(began_ns)
        super()._reset(due_ns, began_ns, unwanted)
        self._control.tick(None, 0, began_ns)

    def _act(self, choice: Choice) -> tuple[Action, Step]:
        now_ns, decision = self.now_ns, choice.decision
        self._game.look(now_ns)
        default = int(np.asarray(self._default_action()))
        command = None if decision is None else _command_of(decision)
        refused = self._control.tick(command, default, now_ns)
        action = self._applied(choice, refused, default)
        return action, self._game.step(action)

    def _end_episode(self, step: Step) -> None:
        super()._end_episode(step)
        self._control.begin_reset(self._file.reset, self.now_ns)


def _file_of(params: FilmedGameParams) -> ScreenFile:
    if params.screen_file is None:
        return ScreenFile()
    try:
        return ScreenFile.read(Path(params.screen_file).expanduser())
    except RobotError as error:
        raise NodeError(error.problem, hint=error.hint) from error


def _problem(driver: Driver, buttons: tuple[str, ...]) -> str:
    has = driver.action_features
    missing = [name for name in buttons if name not in has]
    if not missing:
        return ""
    return f"the device has no button {', '.join(missing)}; it has {', '.join(has) or 'none'}"


def _command_of(decision: Decision) -> Command:
    header = decision.header
    return Command(np.asarray(decision.action), header.stamp_ns, header.source.partition("/")[0])
