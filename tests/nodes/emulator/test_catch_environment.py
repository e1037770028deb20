import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtgraph.nodes.emulator.catch_environment import CatchEnvironment, CatchSettings


def begun(seed=0, **settings):
    environment = CatchEnvironment(CatchSettings(**settings))
    environment.reset(np.random.default_rng(seed))
    return environment


def boxes(picture, rows=10, columns=5):
    """Return row and column of the occupied squares; every square has one colour."""
    found = set()
    for row in range(rows):
        for column in range(columns):
            square = picture[
                row * 84 // rows : (row + 1) * 84 // rows,
                column * 84 // columns : (column + 1) * 84 // columns,
            ]
            assert square.min() == square.max()
            if square.max():
                found.add((row, column))
    return found


@given(st.integers(0, 2**32), st.lists(st.integers(0, 2), min_size=9, max_size=9))
def test_a_ball_falls_straight_and_what_is_caught_earns(seed, actions):
    environment = begun(seed)
    ((_, column),) = boxes(environment.observation) - {(9, 2)}
    paddle = 2
    for row, action in enumerate(actions, 1):
        paddle = min(4, max(0, paddle + action - 1))
        step = environment.step(action)
        assert environment.spec.observation.admits(step.observation)
        assert boxes(step.observation) == {(row, column), (9, paddle)}
        assert step.terminated == (row == 9)
        assert step.reward == (0 if row < 9 else 1 if paddle == column else -1)
    with pytest.raises(RuntimeError, match="reset first"):
        environment.step(1)


@given(st.integers(0, 2**32), st.lists(st.integers(0, 2), min_size=9, max_size=9))
def test_positions_are_those_of_the_picture(seed, actions):
    picture, numbers = begun(seed), begun(seed, observe="positions")
    for action in (None, *actions):
        if action is not None:
            picture.step(action)
            numbers.step(action)
        row, column, paddle = np.rint(numbers.observation * (9, 4, 4))
        assert numbers.spec.observation.admits(numbers.observation)
        assert boxes(picture.observation) == {(row, column), (9, paddle)}
        assert np.array_equal(picture.screen(), numbers.screen())


def test_every_column_comes_as_often_and_a_seed_gives_the_same_ball():
    columns = [begun(seed)._ball[1] for seed in range(500)]
    assert columns == [begun(seed)._ball[1] for seed in range(500)]
    assert all(70 < columns.count(column) < 130 for column in range(5))


def test_a_snapshot_goes_back_and_one_of_another_board_is_refused():
    environment = begun(3)
    environment.step(2)
    saved = environment.snapshot()
    ahead = [environment.step(2).observation for _ in range(4)]
    environment.restore(saved)
    again = [environment.step(2).observation for _ in range(4)]
    assert np.array_equal(ahead, again)
    with pytest.raises(ValueError, match="this snapshot of 'catch' does not fit this board"):
        begun(rows=3, columns=2).restore(environment.snapshot())
    with pytest.raises(RuntimeError, match="reset first"):
        CatchEnvironment(CatchSettings()).snapshot()


def test_what_is_no_action_is_refused():
    environment = begun()
    with pytest.raises(ValueError, match="action"):
        environment.step(3)
    assert environment.noop == 1
    assert environment.screen().shape == (84, 84, 3)
