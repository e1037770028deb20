"""A heuristic that plays Blocks well, and writes what it pressed as a script: the shipped demonstration.

``PYTHONPATH=tests python -m support.blocks_player > nodes/play/scripts/blocks.txt`` writes it anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, pairwise

from support.blocks import HEIGHT, PIECES, SHAPES, WIDTH

from rtgraph.nodes.emulator.gameboy_environment import GameBoyEnvironment, GameBoySettings
from rtgraph.nodes.runtime.interface.context import generator

TICKS = 12_000
HEADER = """\
# Blocks, played by a heuristic that looks at the well and at the next piece.
# It fits the seed of a launch by default, 0: rtgraph play blocks --script blocks --world virtual
"""
Well = tuple[int, ...]
"""The rows from the top, each a number with a bit a column."""
FULL = 2**WIDTH - 1

_BY_TURN = {
    (piece, turn): [
        (column, row)
        for row, line in enumerate(SHAPES[piece][turn].split("\n"))
        for column, mark in enumerate(line)
        if mark == "#"
    ]
    for piece in PIECES
    for turn in range(4)
}


def dropped(well: Well, piece: str, turn: int, x: int) -> tuple[Well, int] | None:
    """Return the well after a piece fell at a column, and the lines cleared; None if it finds no place."""
    cells = _BY_TURN[piece, turn]
    if any(not 0 <= x + column < WIDTH for column, _ in cells):
        return None

    def fits(y: int) -> bool:
        return all(
            y + row < HEIGHT and (y + row < 0 or not well[y + row] >> (x + column) & 1)
            for column, row in cells
        )

    y = -2
    if not fits(y):
        return None
    while fits(y + 1):
        y += 1
    if any(y + row < 0 for _, row in cells):
        return None
    rows = list(well)
    for column, row in cells:
        rows[y + row] |= 1 << (x + column)
    kept = [row for row in rows if row != FULL]
    lines = HEIGHT - len(kept)
    return (*[0] * lines, *kept), lines


def worth(well: Well, lines: int) -> float:
    """Return how good a well is: low, even and without holes."""
    heights = [next((HEIGHT - y for y in range(HEIGHT) if well[y] >> x & 1), 0) for x in range(WIDTH)]
    cells = sum(row.bit_count() for row in well)
    uneven = sum(abs(one - other) for one, other in pairwise(heights))
    return 0.76 * lines - 0.51 * sum(heights) - 0.9 * (sum(heights) - cells) - 0.18 * uneven


def target(well: Well, piece: str, following: str) -> tuple[int, int]:
    """Return the quarter turns and the column that leave the best well after this piece and the next."""

    def options(now: Well, kind: str) -> Iterator[tuple[int, int, Well, int]]:
        for turn in range(4):
            for x in range(-2, WIDTH):
                if (after := dropped(now, kind, turn, x)) is not None:
                    yield turn, x, *after

    best, most = (0, 3), float("-inf")
    for turn, x, after, lines in options(well, piece):
        value = max((worth(last, lines + more) for *_, last, more in options(after, following)), default=-1e9)
        if value > most:
            best, most = (turn, x), value
    return best


def played(ticks: int = TICKS, seed: int = 0) -> tuple[list[str], dict[str, float]]:
    """Return the action of each tick as the plant of a launch with this seed is played, and the last measurements."""
    environment = GameBoyEnvironment(GameBoySettings(game="blocks"))
    rng = generator(seed, "plant", 0)
    environment.reset(rng)
    console, script, measured = environment._console, [], {}
    wanted: tuple[int, int] | None = None
    pieces, pressed, began = 0, False, 0
    while len(script) < ticks:
        memory = console.memory()

        def byte(address: int, memory=memory) -> int:
            return memory.read(address)[0]

        if byte(0xC018) != pieces:
            pieces, began = byte(0xC018), len(script)
            cells = memory.read(0xC040, WIDTH * HEIGHT)
            well = tuple(sum(1 << x for x in range(WIDTH) if cells[y * WIDTH + x]) for y in range(HEIGHT))
            wanted = target(well, PIECES[byte(0xC010)], PIECES[byte(0xC014)])
        turn, x = byte(0xC011), (byte(0xC012) + 128) % 256 - 128
        if wanted is None or len(script) < began + 3:
            action = "NOOP"
        elif pressed and (turn, x) != wanted:
            action = "NOOP"  # released between two presses
        elif turn != wanted[0] and len(script) < began + 40:
            action = "B" if (turn - wanted[0]) % 4 == 1 else "A"
        elif x != wanted[1] and len(script) < began + 60:
            action = "RIGHT" if x < wanted[1] else "LEFT"
        else:
            action = "DOWN"
        pressed = action not in {"NOOP", "DOWN"}
        script.append(action)
        step = environment.step(environment.spec.action.names.index(action))
        measured = step.measurements
        if step.terminated:
            script.append("NOOP")  # the plant resets
            environment.reset(rng)
            wanted, pieces = None, 0
    environment.close()
    return script[:ticks], measured


def text_of(script: list[str], header: str = HEADER) -> str:
    """Return the text of a script."""
    runs = [(action, len(list(run))) for action, run in groupby(script)]
    return header + "".join(f"{action} {count}\n" if count > 1 else f"{action}\n" for action, count in runs)


if __name__ == "__main__":
    print(text_of(played()[0]), end="")
