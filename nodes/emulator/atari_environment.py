"""Atari 2600 games, frame by frame, in the Arcade Learning Environment (ALE).

There is no frame skip and no repetition of actions. ALE's sticky actions are off, because their state cannot be restored
exactly. So ALE's seed has no effect. All randomness (no-op starts, sticky actions) is implemented here and uses the generator
given to ``reset``.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rtgraph.msgs.spaces import Discrete, PlantSpec, RateHz
from rtgraph.nodes.emulator.emulator import Emulator
from rtgraph.nodes.emulator.game import SMALL, Episode, GameSettings, SavedGame
from rtgraph.nodes.emulator.snapshots import (
    pack_picture,
    pack_snapshot,
    unpack_generator,
    unpack_picture,
    unpack_snapshot,
)
from rtgraph.nodes.plant import PlantParams
from rtgraph.nodes.plant.actions import check_discrete
from rtgraph.nodes.plant.environment import Action, Array, Step
from rtgraph.nodes.plant.preprocess import AreaResize

if TYPE_CHECKING:
    from ale_py import ALEInterface, ALEState

_NOOP = 0
"""ALE's code for no input. Every game has it."""

_MEMORY_BYTES = 128
_SETTLING_FRAMES = 2
"""Number of frames that are run before a state is restored.

An ALE state does not contain everything: the images of the last two frames are missing. So in some games (Tetris, Q*bert,
Amidar) the image after a restore depends on the frames that ran before it. Therefore the same two frames are run before every
restore."""


class AtariSettings(GameSettings):
    """The settings of an Atari game, from which its environment is made."""

    game: str
    """The name of a ROM of the ale-py wheel in snake case, such as "boxing" or "name_this_game"."""
    full_action_set: bool = True
    """Whether to use all actions of the console (18, with few exceptions), not only those that the game uses."""
    rate_hz: RateHz = 60.0
    """Frames per second. The console's rate is 60 (NTSC)."""

    def spec(self) -> PlantSpec:
        """Return the spec of an environment with these settings.

        Loads the ROM the first time (0.1 s), but makes no step. Raises ``ValueError`` if there is no such
        game, if ALE cannot play it, or if the environment's actions do not include a no-op.
        """
        facts = _game_facts(self.game, self.full_action_set)
        return PlantSpec(
            rate_hz=self.rate_hz,
            observation=self.observation_spec(facts.height, facts.width, _MEMORY_BYTES),
            action=Discrete(count=len(facts.codes), names=facts.names),
        )


@dataclass(frozen=True, slots=True)
class _GameFacts:
    height: int
    width: int
    codes: tuple[int, ...]
    names: tuple[str, ...]


class _SavedAtari(SavedGame):
    emulator: bytes
    last_code: int


class AtariEnvironment:
    """One game of the Arcade Learning Environment.

    Only one thread may use an environment. A process may have several environments. ``step`` holds the interpreter lock.

    Snapshots are exact, including images, for all games in the ale-py package except Yar's Revenge and 3D Tic-Tac-Toe. For
    these two games, memory, rewards and episode ends are exact, but some pixels may differ after a restore.
    """

    def __init__(self, settings: AtariSettings) -> None:
        self._settings = settings
        self._ale = _load(settings.game)
        facts = _game_facts(settings.game, settings.full_action_set, self._ale)
        self.spec = settings.spec()
        self._codes = facts.codes
        self.noop: Action = facts.codes.index(_NOOP)
        self._owner = f"atari {settings.game} {settings.observation} actions={len(facts.codes)}"
        self._resize = AreaResize(facts.height, facts.width, SMALL, SMALL)
        self._grey = np.empty((facts.height, facts.width), np.uint8)

        self._ale.reset_game()
        self._start = self._ale.cloneState()
        self._start_picture = (self._observe(), self._ale.getScreenRGB())
        for _ in range(_SETTLING_FRAMES):
            self._ale.act(_NOOP)
        self._settled = self._ale.cloneState()

        # After a restore the emulator's screen is stale until the next step: until then this image is
        # returned.
        self._still: tuple[Array, npt.NDArray[np.uint8]] | None = self._start_picture
        self._episode = Episode(settings, _NOOP)

    @property
    def observation(self) -> Array:
        """The latest observation, also after ``restore``."""
        return self._observe() if self._still is None else self._still[0].copy()

    def reset(self, rng: np.random.Generator) -> Array:
        """Begin an episode after some no-op frames, and return its first observation."""
        self._episode.begin(rng)
        self._rewind(self._start)
        self._still = self._start_picture
        for _ in range(self._episode.idle_frames(rng)):
            self._ale.act(_NOOP)
            self._still = None
        return self.observation

    def step(self, action: Action) -> Step:
        """Advance by one frame. The reward is the change of the score.

        Raises:
            ValueError: The action does not fit the spec.
            RuntimeError: No episode is running.
        """
        # ALE ends the process on an unknown action, and silently does nothing after the game is over.
        index = check_discrete(action, len(self._codes))
        reward = float(self._ale.act(self._episode.act(self._codes[index])))
        self._still = None
        terminated = bool(self._ale.game_over(with_truncation=False))
        truncated = self._episode.count_frame(terminated)
        return Step(self._observe(), reward, terminated, truncated)

    def screen(self) -> npt.NDArray[np.uint8]:
        """Return the game's image, (height, width, 3) uint8 RGB; (210, 160, 3) for most games."""
        screen: npt.NDArray[np.uint8] = (
            self._ale.getScreenRGB() if self._still is None else self._still[1].copy()
        )
        return screen

    def snapshot(self) -> bytes:
        """Return a snapshot of about 12 kB: the state of the emulator, the state of the episode, and the image.

        Raises ``RuntimeError`` before the first reset.
        """
        saved = _SavedAtari(
            sticky_generator=self._episode.packed_generator(),
            emulator=self._ale.cloneState().serialize(),
            last_code=self._episode.last_action,
            frames=self._episode.frames,
            over=self._episode.over,
            observation=pack_picture(self.observation),
            screen=pack_picture(self.screen()),
        )
        return pack_snapshot(self._owner, saved)

    def restore(self, snapshot: bytes) -> None:
        """Restore a snapshot.

        Raises ``ValueError`` if it is not a snapshot of this game with the same ``observation`` and the same number of actions.
        """
        from ale_py import ALEState  # noqa: PLC0415 - loads gymnasium

        saved = unpack_snapshot(snapshot, self._owner, _SavedAtari)
        of_memory = self._settings.observes_memory
        picture = None if of_memory else unpack_picture(saved.observation, self.spec.array.shape)
        screen = unpack_picture(saved.screen, (*self._grey.shape, 3))
        generator = unpack_generator(saved.sticky_generator)
        try:
            state = ALEState(saved.emulator)
        except SystemError as problem:
            raise ValueError(
                "this snapshot of an Atari game is damaged: ALE cannot read its state"
            ) from problem
        self._rewind(state)
        self._still = (self._observe() if picture is None else picture, screen)
        self._episode.restore(saved, saved.last_code, generator)

    def close(self) -> None:
        """Do nothing. The emulator is only memory, which is freed with this object."""

    def _observe(self) -> Array:
        if self._settings.observes_memory:
            return self._settings.memory_observation(self._ale.getRAM())
        if self._settings.observation == "rgb":
            picture: npt.NDArray[np.uint8] = self._ale.getScreenRGB()
            return picture
        self._ale.getScreenGrayscale(self._grey)
        return self._resize(self._grey)

    def _rewind(self, state: ALEState) -> None:
        self._ale.restoreState(self._settled)
        for _ in range(_SETTLING_FRAMES):
            self._ale.act(_NOOP)
        self._ale.restoreState(state)


_known: dict[tuple[str, bool], _GameFacts] = {}


def _game_facts(game: str, full_action_set: bool, loaded: ALEInterface | None = None) -> _GameFacts:
    """Return the fixed properties of a game: its screen and its actions.

    ``loaded`` is an emulator that has already loaded this game, to save 0.1 s. If it is None, one is loaded.
    """
    key = game, full_action_set
    if key not in _known:
        ale = _load(game) if loaded is None else loaded
        actions = ale.getLegalActionSet() if full_action_set else ale.getMinimalActionSet()
        codes = tuple(action.value for action in actions)
        if _NOOP not in codes:
            raise ValueError(
                f"game {game!r}: the actions that the game uses do not include a no-op. hint: full_action_set: true"
            )
        height, width = ale.getScreenDims()
        _known[key] = _GameFacts(height, width, codes, tuple(action.name for action in actions))
    return _known[key]


def _load(game: str) -> ALEInterface:
    """Return an emulator that has loaded the game and is not reset yet.

    Raises ``ValueError`` if there is no such game, or if ALE cannot play it.
    """
    from ale_py import ALEInterface, LoggerMode, roms  # noqa: PLC0415 - loads gymnasium

    # Not roms.get_rom_path, which prints, and warns instead of raising.
    folder = Path(roms.__file__).parent
    games = sorted(rom.stem for rom in folder.glob("*.bin"))
    if game not in games:
        nearest = difflib.get_close_matches(game, games, n=3, cutoff=0.0)
        raise ValueError(
            f"game {game!r}: ale-py has no such game. hint: the nearest names are {', '.join(nearest)}"
        )
    ALEInterface.setLoggerMode(LoggerMode.Error)
    rom = folder / f"{game}.bin"
    # ALE ends the process on a ROM that it cannot score.
    if ALEInterface.isSupportedROM(rom) is None:
        raise ValueError(
            f"game {game!r}: ALE has its ROM but cannot play it with one player. hint: choose another game"
        )
    ale = ALEInterface()
    ale.setFloat("repeat_action_probability", 0.0)
    ale.loadROM(rom)
    return ale


class AtariParams(PlantParams, AtariSettings):
    """The parameters of the node ``Atari``: the parameters of every plant (environment or robot), and the settings of the game."""


class Atari(Emulator[AtariParams]):
    """An Atari 2600 game at 60 Hz, frame by frame."""

    environment_type = AtariEnvironment
    imports_later = ("ale_py",)
    incidental = frozenset({"rate_hz", "max_frames"})
