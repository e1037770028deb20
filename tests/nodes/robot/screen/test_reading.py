"""The corners of a screen, its rectified picture, and the numbers on it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.console import CORNERS, SIZE, Camera
from support.filmed import Filmed, learned

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.plant.preprocess import AreaResize
from rtgraph.nodes.robot.screen.digits import DigitReader, learn_colours
from rtgraph.nodes.robot.screen.file import Counter, ScreenFile
from rtgraph.nodes.robot.screen.rectify import find_corners, grey_of, in_order
from rtgraph.nodes.robot.screen.score import Change, ScoreBoard, SteadyCounter


@pytest.fixture(scope="module")
def filmed():
    return Filmed()


@pytest.fixture(scope="module")
def file(filmed):
    return learned(filmed)


def read(filmed, file, scores):
    reader, number = DigitReader(file.digits), file.counters["score"].number()
    return [reader.read(filmed.rectified(score), number) for score in scores]


def test_a_filmed_picture_is_rectified_to_what_the_emulator_draws(filmed):
    sharp = Filmed(noise=0)
    drawn, seen = sharp.drawn(123), sharp.rectified(123)
    small = AreaResize(210, 160)
    difference = np.abs(small(grey_of(drawn)).astype(int) - small(grey_of(seen)))
    assert difference.mean() < 3.0
    straight = sharp.camera(123)[:210, :160]
    assert np.abs(straight.astype(int) - drawn).mean() > 10 * np.abs(seen.astype(int) - drawn).mean()


def test_a_bright_screen_is_found_within_two_pixels():
    white = np.full((210, 160, 3), 230, np.uint8)
    found = find_corners(Camera(noise=6.0).film(white))
    assert np.abs(np.array(found) - CORNERS).max() <= 2.5


def test_a_picture_without_a_screen_has_no_corners():
    with pytest.raises(RobotError, match="no bright rectangle"):
        find_corners(np.full((SIZE[1], SIZE[0], 3), 28, np.uint8))


@given(st.permutations(CORNERS))
def test_corners_are_put_in_order_however_they_are_given(corners):
    assert in_order(corners) == CORNERS


@pytest.mark.parametrize("corners", [CORNERS[:3], [(0, 0), (9, 0), (3, 3), (0, 9)], [(0, 0)] * 4])
def test_points_that_are_no_corners_of_a_screen_are_refused(corners):
    with pytest.raises(RobotError, match="four corners"):
        in_order(corners)


def test_scores_are_read_off_a_noisy_picture_askew(filmed, file):
    scores = range(3, 1000, 37)
    assert read(filmed, file, scores) == list(scores)


@pytest.mark.soak
def test_a_thousand_scores_are_read(filmed, file):
    assert read(filmed, file, range(1000)) == list(range(1000))


def test_a_digit_that_was_not_learned_is_not_taken_for_another(filmed):
    few = learned(filmed, (123, 456, 780))
    assert read(filmed, few, [239]) == [None]


def test_a_picture_between_two_numbers_is_not_read(filmed, file):
    mixed = (filmed.rectified(111).astype(int) + filmed.rectified(888)) // 2
    assert DigitReader(file.digits).read(mixed.astype(np.uint8), file.counters["score"].number()) is None


def test_leading_cells_may_be_blank_and_others_not(filmed, file):
    number, picture = file.counters["score"].number(), filmed.rectified(127)
    reader = DigitReader(file.digits)
    left, top, width, height = number.region
    blank = picture.copy()
    blank[top : top + height, left : left + width // 3] = number.background
    assert reader.read(blank, number) == 27
    hole = picture.copy()
    hole[top : top + height, left + width // 3 : left + 2 * width // 3] = number.background
    assert reader.read(hole, number) is None


def test_nothing_is_read_without_templates(filmed, file):
    assert DigitReader({}).read(filmed.rectified(127), file.counters["score"].number()) is None


def test_a_region_of_one_colour_has_no_digits_to_learn():
    with pytest.raises(RobotError, match="one colour"):
        learn_colours([np.zeros((210, 160, 3), np.uint8)], (0, 0, 20, 20))


def taken(counter, *reads):
    return [counter.take(value) for value in reads]


def counter(**params):
    return SteadyCounter(Counter(region=(0, 0, 9, 9), digits=3, most=10, frames=3, **params))


def test_the_first_number_must_persist_and_is_no_change():
    steady = counter()
    assert taken(steady, 5, 5) == [Change(), Change()]
    assert steady.value is None
    assert taken(steady, 5) == [Change()]
    assert steady.value == 5


def test_a_plausible_change_counts_at_once_and_another_one_when_it_persists():
    steady = counter()
    taken(steady, 5, 5, 5)
    assert taken(steady, 12) == [Change(7)]
    assert taken(steady, 812, 12, 812, 812) == [Change()] * 4
    assert taken(steady, 812) == [Change(800)]


def test_a_fall_that_persists_is_a_reset():
    steady = counter()
    taken(steady, 50, 50, 50)
    assert taken(steady, 0, 0, 0) == [Change(), Change(), Change(-50, fell=True)]


def test_the_first_number_is_no_reset_of_a_counter_that_only_grows():
    assert taken(counter(least=1), 5, 5, 5) == [Change()] * 3


def test_what_is_unreadable_changes_nothing():
    steady = counter()
    taken(steady, 5, 5, 5)
    assert taken(steady, None, None, 8) == [Change(), Change(), Change(3)]
    assert steady.unreadable == 2


def test_points_are_weighted_and_a_reset_costs_nothing(filmed, file):
    weighted = file.counters["score"].model_copy(update={"weight": 0.5, "frames": 2})
    board = ScoreBoard(file.model_copy(update={"counters": {"score": weighted}}))
    rewards = [board.take(filmed.rectified(score)) for score in (100, 100, 104, 4, 4)]
    assert rewards == [0, 0, 2.0, 0, 0]
    assert board.fell == {"score"}
    assert board.values() == {"score": 4.0}


def test_a_file_is_read_back_as_it_was_written(file, tmp_path):
    file.write(tmp_path / "screen.yaml")
    assert ScreenFile.read(tmp_path / "screen.yaml") == file


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"counters": {"score": {"region": [150, 0, 20, 9], "digits": 1}}},
            r"counters.score: the region \[150, 0, 20, 9\] is not",
        ),
        ({"end": [{"kind": "counter", "counter": "lives"}]}, "end: `counters` has no counter 'lives'"),
        ({"size": [80, 210]}, "size: 80 × 210 is smaller"),
        (
            {"digits": {"0": ["00"]}},
            "digits.0: a template needs 12 rows of 8 characters; the lengths of its rows are",
        ),
        ({"corner": 1}, "corner: Extra inputs"),
    ],
)
def test_a_wrong_file_is_one_clear_error(change, problem, tmp_path):
    import yaml

    path = tmp_path / "screen.yaml"
    path.write_text(
        yaml.safe_dump({"corners": [list(c) for c in CORNERS], "camera_size": list(SIZE)} | change)
    )
    with pytest.raises(RobotError, match=problem):
        ScreenFile.read(path)


def test_a_missing_file_names_the_command_that_makes_it(tmp_path):
    with pytest.raises(RobotError, match="rtgraph screen mark"):
        ScreenFile.read(tmp_path / "screen.yaml")
