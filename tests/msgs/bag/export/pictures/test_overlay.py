import numpy as np
import pytest
from support.recorded import PLAN

from rtgraph.msgs.bag.export.pictures.film import FilmFrame, ShownAction
from rtgraph.msgs.bag.export.pictures.overlay import BY, LEAST_WIDTH, MOST_HEIGHT, Overlay, action_names


def act(**more):
    values = {
        "key": (0, 7),
        "episode": 1,
        "action": 2,
        "by": "policy",
        "worker": "worker/3",
        "age_ticks": 4,
        "age_ns": 66_700_000,
        "starting": False,
        "reward": 1.0,
    }
    return ShownAction(**{**values, **more})


def shot(pixels=None, one=None, *, complete=True):
    if pixels is None:
        pixels = np.zeros((84, 84), np.uint8)
    return FilmFrame(pixels, 7, 1, 140_000_000, one, 5.0, complete)


def panel(overlay, one, picture_height=504):
    return np.asarray(overlay.draw(shot(one=one)))[picture_height:]


@pytest.mark.parametrize(
    "shape", [(84, 84), (210, 160, 3), (8, 400), (400, 8), (1080, 1920, 3), (85, 481, 4)]
)
def test_frames_are_even_large_enough_and_hold_the_picture(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    if shape[-1] == 4:
        pixels[..., 3] = 255
    overlay = Overlay(pixels)
    width, height = overlay.size
    assert width % 2 == 0
    assert height % 2 == 0
    assert width >= LEAST_WIDTH
    frame = np.asarray(overlay.draw(shot(pixels)))
    times = max(1, min(-(-LEAST_WIDTH // shape[1]), MOST_HEIGHT // shape[0]))
    left = (width - shape[1] * times) // 2
    found = frame[: shape[0] * times : times, left : left + shape[1] * times : times]
    colours = pixels if pixels.ndim == 3 else np.repeat(pixels[..., np.newaxis], 3, axis=2)
    np.testing.assert_array_equal(found, colours[..., :3])


@pytest.mark.parametrize("by", ["policy", "default", "reset"])
def test_who_acted_is_told_by_colour(by):
    frame = panel(Overlay(np.zeros((84, 84), np.uint8)), act(by=by)).reshape(-1, 3)
    present = {name for name, colour in BY.items() if (frame == colour).all(axis=1).any()}
    assert present == {by}


@pytest.mark.parametrize(
    "change",
    [{"action": 1}, {"age_ticks": 5}, {"age_ns": 80_000_000}, {"reward": 2.0}, {"worker": "worker/4"}],
)
def test_everything_shows(change):
    overlay = Overlay(np.zeros((84, 84), np.uint8), ("NOOP", "UP", "DOWN"))
    assert (panel(overlay, act()) != panel(overlay, act(**change))).any()


def test_texts_are_the_facts():
    overlay = Overlay(np.zeros((84, 84), np.uint8), ("NOOP", "UP", "DOWN"))

    def lines(one, **more):
        return [text for text, _ in overlay._lines(shot(one=one, **more))]

    assert lines(act()) == [
        "tick 7   episode 1   0.140 s",
        "action 2 DOWN",
        "age 4 ticks (67 ms)   policy, worker/3",
        "reward +1   return +5",
    ]
    assert lines(act(), complete=False)[3] == "reward +1   return from here +5"
    beta = act(by="default", age_ticks=None, age_ns=None, worker=None)
    assert lines(beta)[2] == "no age   default behaviour: no decision in time"
    assert lines(act(action=np.array([0.5, -1.0])))[1] == "action [+0.50 -1.00]"
    assert lines(act(action=np.arange(9)))[1] == "action [0 1 2 3 4 5 …]"
    assert lines(None)[1] == "what was applied is not recorded"


def test_no_line_runs_over_the_edge():
    overlay = Overlay(np.zeros((84, 84), np.uint8))
    frame = panel(overlay, act(worker="worker/" + "x" * 200))
    background = frame[0, 0]
    assert (frame[:, -4:] == background).all()


@pytest.mark.parametrize(
    ("plan", "names"),
    [
        (PLAN, ("NOOP", "LEFT", "RIGHT")),
        (None, ()),
        ("nodes: []", ()),
        ("[{kind: discrete, names: [A]}, {kind: discrete, names: [B]}]", ()),
    ],
)
def test_action_names_come_from_the_plan(plan, names):
    assert action_names(plan) == names
