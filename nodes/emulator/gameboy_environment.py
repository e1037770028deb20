"""Game Boy games, frame by frame, at the console's own 59.7275 frames a second.

The emulator's core is called directly. All randomness (the game's seed, no-op starts, sticky actions) comes from the
generator given to ``reset``.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rtgraph.msgs.spaces import Discrete, PlantSpec, RateHz
from rtgraph.nodes.emulator.emulator import Emulator
from rtgraph.nodes.emulator.game import SMALL, Episode, GameSettings, SavedGame
from rtgraph.nodes.emulator.gameboy import Console, Variables, find_game
from rtgraph.nodes.emulator.gameboy.console import SCREEN
from rtgraph.nodes.emulator.gameboy.variables import VariableReader
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

_ACTIONS: Final = ("NOOP", "A", "B", "LEFT", "UP", "RIGHT", "DOWN")
_NOOP: Final = 0
_BUTTONS: Final = tuple(() if name == "NOOP" else (name,) for name in _ACTIONS)
"""The buttons that each action holds."""


class GameBoySettings(GameSettings):
    """The settings of a Game Boy game."""

    game: str
    """The name of a game, such as "blocks"."""
    state: str | None = None
    """The name of the start state of an episode, such as "level5"; null for the game's first start state."""
    ladder: bool = False
    """Whether to play the game's encounters one after the other, from ``state`` on. An encounter is repeated until it is won.
    Then comes the next encounter. The first encounter follows the last."""
    rate_hz: RateHz = 59.7275
    """Frames per second. The console's rate is 59.7275."""

    def spec(self) -> PlantSpec:
        """Return the spec of an environment with these settings. Nothing is run.

        Raises ``ValueError`` if there is no such game or start state, or if ``ladder`` is set and the game has no encounters.
        Raises ``RomError`` if a ROM or savestates that the user must provide are missing.
        """
        game = find_game(self.game)
        game.load_state(self.start)
        if self.ladder and not game.has_ladder:
            raise ValueError(f"ladder: {game.name} has no encounters to win. hint: set ladder=false")
        return PlantSpec(
            rate_hz=self.rate_hz,
            observation=self.observation_spec(*SCREEN, len(game.memory)),
            action=Discrete(count=len(_ACTIONS), names=_ACTIONS),
            measurements=tuple(game.variables),
        )

    @property
    def start(self) -> str:
        """The name of the state from which every episode starts. With ``ladder``, it is the name of the first encounter's state."""
        return next(iter(find_game(self.game).states)) if self.state is None else self.state


class _SavedGameBoy(SavedGame):
    console: bytes
    variables: dict[str, int]
    first_variables: dict[str, int] = Field(default_factory=dict)
    encounter: str | None = None
    next_encounter: str | None = None
    last_action: int


class GameBoyEnvironment:
    """One game on one Game Boy.

    The measurements of each step are the game's variables, such as the score. A process may have several environments, which
    share one emulator. ``step`` holds the interpreter lock. Snapshots are exact.
    """

    def __init__(self, settings: GameBoySettings) -> None:
        self._settings = settings
        self.spec = settings.spec()
        self.noop: Action = _NOOP
        self._game = find_game(settings.game)
        # Read once: the user's savestates may change while it runs.
        self._starts = {name: self._game.load_state(name) for name in self._game.states}
        self._encounter = self._next_encounter = settings.start
        # The machine's state fits no other program, be it another version of this one.
        program = hashlib.sha256(self._game.rom.read_bytes()).hexdigest()[:12]
        self._owner = f"gameboy {settings.game} {settings.observation} {program}"
        self._resize = AreaResize(*SCREEN, SMALL, SMALL)
        self._console = Console(self._game.rom)
        self._reader = VariableReader(self._game.variables)
        # Kept, as a console shows an old picture after its state is set.
        self._picture = np.zeros((*SCREEN, 3), np.uint8)
        self._variables: Variables = {}
        self._first_variables: Variables = {}
        self._measured: Variables = {}
        """The variables of the game when ``_measurements`` was made."""
        self._measurements: dict[str, float] = {}
        self._episode = Episode(settings, _NOOP)

    @property
    def observation(self) -> Array:
        """The latest observation, in a new array, also right after ``restore``."""
        if self._settings.observation == "rgb":
            return self._picture.copy()
        if self._settings.observes_memory:
            memory = self._console.memory().read_range(self._game.memory)
            return self._settings.memory_observation(np.frombuffer(memory, np.uint8))
        # The display is grey; green is the colour with most bits.
        return self._resize(self._picture[:, :, 1])

    def reset(self, rng: np.random.Generator) -> Array:
        """Begin a game with a seed drawn from ``rng``. Run some no-op frames, and return the first observation."""
        self._episode.begin(rng)
        seed = int(rng.integers(1, 2**16))
        idle_frames = self._episode.idle_frames(rng)
        self._encounter = self._next_encounter
        self._game.begin(self._console, self._starts[self._encounter], seed)
        for _ in range(idle_frames):
            self._console.step()
        self._picture = self._console.screen()
        self._first_variables = self._variables = self._reader.read(self._console)
        return self.observation

    def step(self, action: Action) -> Step:
        """Advance by one frame.

        Raises:
            ValueError: the action does not fit the spec.
            RuntimeError: no episode is running.
        """
        episode, game = self._episode, self._game
        acts = episode.act(check_discrete(action, len(_ACTIONS)))
        first, previous = self._first_variables, self._variables
        self._console.step(*_BUTTONS[acts])
        self._picture = self._console.screen()
        observation = self.observation  # while the picture is in the processor's cache
        now = self._variables = self._reader.read(self._console)
        reason = game.rules.ended(first, previous, now)
        terminated = reason is not None
        truncated = episode.count_frame(terminated)
        if reason == "won" and self._settings.ladder:
            self._next_encounter = self._after(self._encounter)
        if now is not self._measured:
            self._measured, self._measurements = now, {name: float(number) for name, number in now.items()}
        return Step(
            observation,
            game.rules.reward(first, previous, now),
            terminated,
            truncated,
            self._measurements.copy(),
            reason or ("timeout" if truncated else None),
            self._encounter if game.has_ladder else None,
        )

    def screen(self) -> npt.NDArray[np.uint8]:
        """Return the display, (144, 160, 3) uint8 RGB."""
        return self._picture.copy()

    def snapshot(self) -> bytes:
        """Return a snapshot of about 5 kB: the state of the console, the state of the episode, and the picture.

        Raises ``RuntimeError`` before the first reset.
        """
        saved = _SavedGameBoy(
            sticky_generator=self._episode.packed_generator(),
            console=zlib.compress(self._console.state, level=1),
            variables=dict(self._variables),
            first_variables=dict(self._first_variables),
            encounter=self._encounter,
            next_encounter=self._next_encounter,
            last_action=self._episode.last_action,
            frames=self._episode.frames,
            over=self._episode.over,
            observation=pack_picture(self.observation),
            screen=pack_picture(self._picture),
        )
        return pack_snapshot(self._owner, saved)

    def restore(self, snapshot: bytes) -> None:
        """Restore a snapshot.

        Raises ``ValueError`` if it is not a snapshot of this version of the game with the same ``observation``.
        """
        saved = unpack_snapshot(snapshot, self._owner, _SavedGameBoy)
        if not self._settings.observes_memory:
            unpack_picture(saved.observation, self.spec.array.shape)
        picture = unpack_picture(saved.screen, self._picture.shape)
        generator = unpack_generator(saved.sticky_generator)
        if saved.variables.keys() != self._game.variables.keys():
            raise ValueError(
                "this snapshot is of another version of the game: the names of its variables differ from those of this version"
            )
        encounter = saved.encounter or self._settings.start
        next_encounter = saved.next_encounter or encounter
        if missing := {encounter, next_encounter} - self._starts.keys():
            raise ValueError(
                f"this snapshot is of another version of the game: this version has no start state {min(missing)!r}"
            )
        try:
            self._console.state = zlib.decompress(saved.console)
        except zlib.error as problem:
            raise ValueError(
                "this snapshot of a Game Boy is damaged: its console's state cannot be decompressed"
            ) from problem
        self._picture = picture
        self._variables = saved.variables
        self._first_variables = saved.first_variables or saved.variables
        self._encounter, self._next_encounter = encounter, next_encounter
        self._episode.restore(saved, saved.last_action, generator)

    def close(self) -> None:
        """Release the emulator. Closing twice is allowed."""
        self._console.close()

    def _after(self, encounter: str) -> str:
        """Return the encounter that comes after ``encounter`` in the game's order. The first comes after the last."""
        names = list(self._starts)
        return names[(names.index(encounter) + 1) % len(names)]


class GameBoyParams(PlantParams, GameBoySettings):
    """The parameters of the node ``GameBoy``: the parameters of every plant (environment or robot), and the settings of the game."""


class GameBoy(Emulator[GameBoyParams]):
    """A Game Boy game at 59.7275 Hz, frame by frame."""

    environment_type = GameBoyEnvironment
    imports_later = ("stable_retro.data",)
    incidental = frozenset({"rate_hz", "max_frames"})
