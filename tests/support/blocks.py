"""Drives Blocks in the emulator: the well as a picture, pieces put where a test wants them, buttons pressed and released."""

from __future__ import annotations

from rtgraph.nodes.emulator.gameboy import Console, find_game

WIDTH, HEIGHT = 10, 18
PIECES = "IOTSZJL"
GAME = find_game("blocks")

SHAPES = {
    "I": ["....\n####", "..#.\n..#.\n..#.\n..#.", "....\n....\n####", ".#..\n.#..\n.#..\n.#.."],
    "O": [".##.\n.##."] * 4,
    "T": [".#.\n###", ".#.\n.##\n.#.", "...\n###\n.#.", ".#.\n##.\n.#."],
    "S": [".##\n##.", ".#.\n.##\n..#", "...\n.##\n##.", "#..\n##.\n.#."],
    "Z": ["##.\n.##", "..#\n.##\n.#.", "...\n##.\n.##", ".#.\n##.\n#.."],
    "J": ["#..\n###", ".##\n.#.\n.#.", "...\n###\n..#", ".#.\n.#.\n##."],
    "L": ["..#\n###", ".#.\n.#.\n.##", "...\n###\n#..", "##.\n.#.\n.#."],
}
"""What the pieces look like, by quarter turns clockwise; the top left corner is the piece's place."""

TURNS = [(piece, turn) for piece in PIECES for turn in range(4)]


def cells_of(piece: str, turn: int, x: int, y: int) -> set[tuple[int, int]]:
    """Return the (column, row) of the four cells of a piece at a place."""
    rows = SHAPES[piece][turn].split("\n")
    return {
        (x + column, y + row)
        for row, line in enumerate(rows)
        for column, mark in enumerate(line)
        if mark == "#"
    }


def inside(cells: set[tuple[int, int]]) -> bool:
    """Say whether all cells are in the well; it is open at the top."""
    return all(0 <= column < WIDTH and row < HEIGHT for column, row in cells)


class Blocks:
    """A running game of Blocks."""

    def __init__(self, seed: int = 1, state: str = "level0") -> None:
        self.console = Console(GAME.rom)
        self.begin(seed, state)

    def begin(self, seed: int = 1, state: str = "level0") -> None:
        GAME.begin(self.console, GAME.load_state(state), seed)

    def word(self, address: int, size: int = 1) -> int:
        return int.from_bytes(self.console.memory().read(address, size), "little")

    def signed(self, address: int) -> int:
        return int.from_bytes(self.console.memory().read(address), "little", signed=True)

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
    def score(self) -> int:
        return self.word(0xC008, 4)

    @property
    def level(self) -> int:
        return self.word(0xC00C)

    @property
    def piece(self) -> str:
        return PIECES[self.word(0xC010)]

    @property
    def next_piece(self) -> str:
        return PIECES[self.word(0xC014)]

    @property
    def place(self) -> tuple[int, int, int]:
        """The piece's quarter turns, column and row."""
        return self.word(0xC011), self.signed(0xC012), self.signed(0xC013)

    @property
    def lines(self) -> int:
        return self.word(0xC016, 2)

    @property
    def pieces(self) -> int:
        return self.word(0xC018, 2)

    @property
    def cells(self) -> set[tuple[int, int]]:
        """The cells of the falling piece."""
        return cells_of(self.piece, *self.place)

    @property
    def well(self) -> list[str]:
        """The rows of the well, from the top: a letter of a piece a cell, or a dot."""
        cells = self.console.memory().read(0xC040, WIDTH * HEIGHT)
        marks = "".join("." if not cell else PIECES[cell - 1] for cell in cells)
        return [marks[row * WIDTH : (row + 1) * WIDTH] for row in range(HEIGHT)]

    def put(self, piece: str, turn: int, x: int, y: int) -> None:
        """Put a piece at a place in the air, with the longest time before it falls on."""
        for address, value in ((0xC010, PIECES.index(piece)), (0xC011, turn), (0xC012, x), (0xC013, y)):
            self.console.poke(address, value & 0xFF)
        self.console.poke(0xC015, 53)

    def fill(self, rows: list[str]) -> None:
        """Make these the lowest rows of the well, and empty what is above."""
        rows = ["." * WIDTH] * (HEIGHT - len(rows)) + rows
        for place, mark in enumerate("".join(rows)):
            self.console.poke(0xC040 + place, 0 if mark == "." else PIECES.index(mark) + 1)

    def press(self, button: str, frames: int = 1) -> None:
        """Press a button for a number of frames, and release it for one."""
        for _ in range(frames):
            self.console.step(button)
        self.console.step()

    def wait(self, frames: int = 1) -> None:
        for _ in range(frames):
            self.console.step()

    def sink(self) -> None:
        """Let the piece fall a row a frame, by its weight alone, until the next one is there or the game is over."""
        pieces = self.pieces
        while self.pieces == pieces and not self.ended:
            self.console.poke(0xC015, 1)
            self.console.step()
