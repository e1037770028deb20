"""The rules of Blocks, in the emulator."""

from collections import Counter
from itertools import pairwise

import pytest
from support.blocks import GAME, HEIGHT, PIECES, TURNS, WIDTH, Blocks, cells_of, inside
from support.examples import repeats

SPEEDS = [53, 49, 45, 41, 37, 33, 28, 22, 17, 11, 10, 9, 8, 7, 6, 6, 5, 5, 4, 4, 3]
EMPTY = "." * WIDTH


@pytest.fixture
def blocks():
    return Blocks()


def reference_turn(piece, turn, x, y, quarter_turns, filled=frozenset()):
    """Where a piece is after a turn: in place, else a column right or left (the long one also two), else as it was."""
    wanted = (turn + quarter_turns) % 4
    for by in (0, 1, -1, 2, -2) if piece == "I" else (0, 1, -1):
        cells = cells_of(piece, wanted, x + by, y)
        if inside(cells) and not cells & filled:
            return wanted, x + by, y
    return turn, x, y


@pytest.mark.parametrize(("piece", "turn"), TURNS)
def test_every_piece_goes_to_each_wall_and_to_the_floor(blocks, piece, turn):
    blocks.put(piece, turn, 3, 5)
    for _ in range(WIDTH):
        blocks.press("LEFT")
    assert min(column for column, _ in blocks.cells) == 0
    blocks.put(piece, turn, 3, 5)
    for _ in range(WIDTH):
        blocks.press("RIGHT")
    assert max(column for column, _ in blocks.cells) == WIDTH - 1
    x = blocks.place[1]
    blocks.sink()
    down = max(y for y in range(HEIGHT) if inside(cells_of(piece, turn, x, y)))
    lying = {
        (column, row)
        for row, line in enumerate(blocks.well)
        for column in range(WIDTH)
        if line[column] != "."
    }
    assert lying == cells_of(piece, turn, x, down)
    assert {blocks.well[row][column] for column, row in lying} == {piece}


@pytest.mark.parametrize(("button", "quarter_turns"), [("A", 1), ("B", 3)])
@pytest.mark.parametrize(("piece", "turn"), TURNS)
def test_every_turn_stays_in_the_well(blocks, piece, turn, button, quarter_turns):
    places = [
        (x, y) for x in range(-2, WIDTH) for y in (8, 14, 15, 16) if inside(cells_of(piece, turn, x, y))
    ]
    assert len(places) >= 14
    for x, y in places:
        blocks.put(piece, turn, x, y)
        blocks.press(button)
        assert blocks.place == reference_turn(piece, turn, x, y, quarter_turns), (x, y)


def test_a_turn_is_refused_between_walls_of_cells(blocks):
    gap = "TTTT.TTTTT"
    blocks.fill([gap] * 6)
    blocks.put("I", 1, 2, 13)
    assert {column for column, _ in blocks.cells} == {4}
    for button in "AB":
        blocks.press(button)
        assert blocks.place == (1, 2, 13)


def test_a_turn_is_kicked_off_lying_cells(blocks):
    blocks.fill(["TTT......."] * 6)
    filled = {(column, row) for column in range(3) for row in range(12, 18)}
    for piece in "TSZJL":
        blocks.put(piece, 1, 2, 13)
        if blocks.cells & filled:
            continue
        blocks.press("A")
        assert blocks.place == reference_turn(piece, 1, 2, 13, 1, filled)
        assert not blocks.cells & filled


def test_a_held_direction_repeats_after_sixteen_frames_and_then_every_six(blocks):
    blocks.fill([])
    blocks.put("O", 0, 7, 2)
    moved = []
    for frame in range(40):
        before = blocks.place[1]
        blocks.console.step("LEFT")
        if blocks.place[1] != before:
            moved.append(frame)
    first = moved[0]
    assert [frame - first for frame in moved] == [0, 16, 22, 28, 34]


@pytest.mark.parametrize("level", range(21))
def test_levels_fall_at_their_speeds(blocks, level):
    blocks.console.poke(0xC00C, level)
    blocks.put("O", 0, 3, 0)
    seen = []
    for frame in range(200):
        before = blocks.place[2]
        blocks.wait()
        if blocks.place[2] != before:
            seen.append(frame)
        if len(seen) == 3:
            break
    assert [later - sooner for sooner, later in pairwise(seen)] == [SPEEDS[level]] * 2


@pytest.mark.parametrize("level", [0, 1, 9])
@pytest.mark.parametrize(("count", "points"), [(1, 40), (2, 100), (3, 300), (4, 1200)])
def test_lines_are_cleared_and_score(blocks, level, count, points):
    above, full = "L.........", "TTTTTTTT.T"
    kept = [above] + [row[:8] + "." + row[9:] for row in ["SSSSSSS..S"] * (4 - count)]
    blocks.fill(kept + [full] * count)
    blocks.console.poke(0xC00C, level)
    blocks.put("I", 3, 7, 0)
    blocks.sink()
    assert blocks.score == points * (level + 1)
    assert blocks.lines == count
    assert blocks.word(0xC01A) == count
    after = blocks.well
    rest = [row[:8] + "I" + row[9:] for row in kept[1:]]
    assert after[-len(rest) - 1 :] == [above, *rest] if rest else after[-1] == above
    assert after[: -len(rest) - 1] == [EMPTY] * (HEIGHT - len(rest) - 1)


def test_lines_apart_are_cleared_together(blocks):
    full, other = "TTTTTTTT.T", "SSSSSSS..S"
    blocks.fill([full, other, full, other])
    blocks.put("I", 3, 7, 0)
    blocks.sink()
    assert blocks.lines == 2
    assert blocks.score == 100
    assert blocks.well[-3:] == [EMPTY, "SSSSSSS.IS", "SSSSSSS.IS"]


def test_a_lock_without_a_full_line_scores_nothing_and_says_so(blocks):
    blocks.console.poke(0xC01A, 9)
    blocks.sink()
    assert (blocks.score, blocks.lines, blocks.word(0xC01A)) == (0, 0, 0)


def test_rows_dropped_by_hand_are_points(blocks):
    blocks.put("O", 0, 0, 6)
    pieces = blocks.pieces
    while blocks.pieces == pieces:
        blocks.console.step("DOWN")
    assert blocks.score == 10  # from row 6 to row 16


def test_a_drop_that_is_let_go_is_no_points(blocks):
    blocks.put("O", 0, 0, 6)
    blocks.press("DOWN", frames=10)
    assert blocks.place[2] > 8
    blocks.sink()
    assert blocks.score == 0


def test_a_held_drop_does_not_throw_the_next_piece_away(blocks):
    blocks.put("O", 0, 0, 14)
    pieces = blocks.pieces
    while blocks.pieces == pieces:
        blocks.console.step("DOWN")
    _, _, y = blocks.place
    for _ in range(SPEEDS[0] - 2):
        blocks.console.step("DOWN")
        assert blocks.place[2] == y
    blocks.wait()
    blocks.console.step("DOWN")
    blocks.console.step("DOWN")
    assert blocks.place[2] > y


@pytest.mark.parametrize(
    ("start", "lines", "level"),
    [
        ("level0", 9, 1),
        ("level0", 8, 0),
        ("level5", 49, 5),
        ("level5", 59, 6),
        ("level9", 98, 9),
        ("level9", 99, 10),
    ],
)
def test_ten_lines_a_level(start, lines, level):
    blocks = Blocks(state=start)
    assert blocks.level == int(start[-1])
    blocks.console.poke(0xC016, lines, 2)
    blocks.fill(["TTTTTTTT.T"])
    blocks.put("I", 3, 7, 0)
    blocks.sink()
    assert (blocks.lines, blocks.level) == (lines + 1, level)


def test_the_last_level_and_the_counts_have_a_top(blocks):
    blocks.console.poke(0xC00C, 20)
    blocks.console.poke(0xC016, 9998, 2)
    blocks.console.poke(0xC008, 999_000, 4)
    blocks.fill(["TTTTTTTT.T"] * 4)
    blocks.put("I", 3, 7, 0)
    blocks.sink()
    assert (blocks.level, blocks.lines, blocks.score) == (20, 9999, 999_999)


def test_the_game_is_over_when_a_new_piece_finds_no_place(blocks):
    blocks.fill(["TTTT.TTTTT"] * HEIGHT)
    blocks.put("O", 0, 4, -2)
    assert blocks.ended == 0
    blocks.sink()
    assert (blocks.ended, blocks.state) == (1, 4)
    before = blocks.well
    blocks.wait(200)
    assert blocks.well == before
    blocks.press("START")
    while blocks.state != 1:
        blocks.wait()
    blocks.press("START")
    blocks.wait(30)
    assert (blocks.state, blocks.ended, blocks.score) == (2, 0, 0)
    assert blocks.well == [EMPTY] * HEIGHT


def test_without_a_button_the_game_is_lost(blocks):
    blocks.console.poke(0xC00C, 20)
    frames = 0
    while not blocks.ended:
        blocks.wait()
        frames += 1
        assert frames < 2_000
    assert blocks.score == 0
    assert blocks.pieces < 20


def test_seven_pieces_come_in_each_round_of_seven():
    blocks = Blocks()
    rounds = set()
    for seed in range(1, 15):
        blocks.begin(seed)
        drawn = []
        for _ in range(14):
            drawn.append(blocks.piece)
            blocks.fill([])
            blocks.console.poke(0xC013, 15)
            following = blocks.next_piece
            blocks.sink()
            assert blocks.piece == following
        assert sorted(drawn[:7]) == sorted(drawn[7:]) == sorted(PIECES)
        rounds.add("".join(drawn))
    assert len(rounds) == 14


def test_every_piece_is_as_likely_to_be_the_first():
    blocks = Blocks()
    firsts, seconds = Counter(), Counter()
    count = repeats(140)
    for seed in range(1, count + 1):
        blocks.begin(seed * 151)
        firsts[blocks.piece] += 1
        seconds[blocks.next_piece] += 1
    spread = 4 * (count * 1 / 7 * 6 / 7) ** 0.5
    for drawn in (firsts, seconds):
        assert all(abs(drawn[piece] - count / 7) < spread for piece in PIECES), drawn


def test_start_pauses_and_hides_the_well(blocks):
    blocks.fill(["TTTT.TTTTT"] * 3)
    blocks.put("O", 0, 0, 6)
    blocks.press("START")
    assert blocks.state == 3
    blocks.wait(10)
    hidden = blocks.console.screen()
    for button in ("LEFT", "A", "DOWN"):
        blocks.press(button, frames=30)
    blocks.wait(100)
    assert (blocks.console.screen() == hidden).all()
    assert blocks.place == (0, 0, 6)
    blocks.press("START")
    blocks.wait(10)
    assert blocks.state == 2
    assert blocks.place == (0, 0, 6)
    shown = blocks.console.screen()[:, 8:88]
    assert (shown[6 * 8 + 4, 0:16] != shown[0, 0]).any()  # the piece
    assert (shown[15 * 8 :, 32:40] == shown[0, 0]).all()  # the gap
    assert (shown[15 * 8 :, 0:32] != shown[0, 0]).any()


def test_the_title_chooses_a_level_from_0_to_9():
    blocks = Blocks()
    blocks.console.state = GAME.load_state("level0")
    for button, times, level in (("LEFT", 3, 0), ("RIGHT", 4, 4), ("RIGHT", 20, 9), ("LEFT", 2, 7)):
        for _ in range(times):
            blocks.press(button)
        assert blocks.word(0xC01B) == level
    blocks.press("START")
    blocks.wait(30)
    assert (blocks.state, blocks.level) == (2, 7)


def test_the_same_seed_gives_the_same_pieces():
    first, second = Blocks(seed=77), Blocks(seed=77)
    for _ in range(10):
        assert (first.piece, first.next_piece) == (second.piece, second.next_piece)
        first.sink()
        second.sink()
