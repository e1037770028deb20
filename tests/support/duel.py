"""Drives Duel in the emulator: words skipped, menus chosen from, creatures changed."""

from __future__ import annotations

from rtgraph.nodes.emulator.gameboy import Console, find_game

GAMES = {"battle": find_game("duel_battles"), "catch": find_game("duel_catching")}
MINE, THEIRS = 0xC020, 0xC080
MAIN, MOVES, SWAP = 1, 2, 3
SPECIES = ("CINDER", "DRIBBLE", "SPROUT", "BOULDER", "FLICKER", "SCRUFF")
TYPES = ("FIRE", "WATER", "LEAF", "STONE", "SPARK", "PLAIN")
"""Of the species, in their order."""

FIELDS = {
    "species": (0, 1),
    "level": (1, 1),
    "hp": (2, 2),
    "max_hp": (4, 2),
    "attack": (6, 1),
    "defence": (7, 1),
    "speed": (8, 1),
    "pp0": (9, 1),
    "pp1": (10, 1),
    "pp2": (11, 1),
    "pp3": (12, 1),
}


class Duel:
    """A running duel, at its first menu."""

    def __init__(self, kind: str = "battle", number: int = 1, seed: int = 1) -> None:
        game = GAMES[kind]
        self.console = Console(game.rom)
        game.begin(self.console, game.load_state(f"{kind}{number}"), seed)
        self.skip()

    def word(self, address: int, size: int = 1) -> int:
        return int.from_bytes(self.console.memory().read(address, size), "little")

    @property
    def state(self) -> int:
        return self.word(0xC000)

    @property
    def frames(self) -> int:
        return self.word(0xC002, 2)

    @property
    def ended(self) -> int:
        return self.word(0xC006)

    @property
    def menu(self) -> int:
        return self.word(0xC016)

    @property
    def turns(self) -> int:
        return self.word(0xC018, 2)

    @property
    def nets(self) -> int:
        return self.word(0xC01B)

    def active(self, side: int) -> int:
        return self.word(0xC012 if side == MINE else 0xC013)

    def get(self, side: int, field: str, place: int = 0) -> int:
        offset, size = FIELDS[field]
        return self.word(side + 16 * place + offset, size)

    def set(self, side: int, place: int = 0, **fields: int) -> None:
        for field, value in fields.items():
            offset, size = FIELDS[field]
            self.console.poke(side + 16 * place + offset, value, size)

    def chance(self, number: int) -> None:
        """Set the random generator to one of 65536 states."""
        scattered = number * 2654435761 + 0x9E3779B9
        self.console.poke(0xC01C, scattered % 2**32, 4)

    def press(self, button: str) -> None:
        self.console.step(button)
        self.console.step()

    def skip(self) -> None:
        """Skip words until there is a menu or the duel is over."""
        for _ in range(3_000):
            if self.menu or self.ended:
                return
            self.press("B")
        raise AssertionError("neither a menu nor an end came")

    def choose(self, line: int) -> None:
        """Choose a line of the menu that is shown."""
        menu = self.menu
        assert menu
        while self.word(0xC017) != line:
            self.press("DOWN")
        self.press("A")

    def fight(self, move: int = 0) -> None:
        """Use a move and skip what follows."""
        self.choose(0)
        self.choose(move)
        self.skip()

    def swap(self, place: int) -> None:
        self.choose(1)
        self.choose(place)
        self.skip()

    def throw(self) -> None:
        self.choose(2)
        self.skip()
