from fractions import Fraction

import numpy as np
import pytest
from support.recorded import PERIOD_NS, applied, image_of, played, value_of

from rtgraph.msgs import Observation, Screen
from rtgraph.msgs.bag.export import Selection
from rtgraph.msgs.bag.export.pictures.film import MOST_WAITING, Film
from rtgraph.msgs.errors import BagError


def film_of(bag, *topics, start_ns=None, end_ns=None):
    return Film(bag, Selection(topics, start_ns, end_ns))


def seen(recording, tick, incarnation=0, late_ns=0, episode=0):
    message = Screen(tick=tick, episode=episode, image=image_of(tick % 50))
    recording.put("screen", message, tick * PERIOD_NS, late_ns=late_ns, incarnation=incarnation)


def acted(recording, tick, by="policy", reward=1.0, incarnation=0, late_ns=0, episode=0):
    message = applied(tick, episode, by, reward)
    recording.put("applied", message, tick * PERIOD_NS, late_ns=late_ns, incarnation=incarnation)


def test_each_picture_has_what_was_applied_at_its_tick(session):
    recording = session()
    played(recording, 30)
    film = film_of(recording.open())
    frames = list(film.frames())
    assert (film.channel.topic, film.count, film.rate) == ("screen", 30, Fraction(50))
    for tick, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.pixels, image_of(tick))
        assert (frame.tick, frame.act.key, frame.act.action) == (tick, (0, tick), tick % 3)
        assert frame.act.age_ticks == (None if tick % 5 == 0 else 3)
        assert frame.total_reward == 0.5 * (tick % 20)
        assert frame.complete
    assert not film.ledger.report("", (), 0).left_out


@pytest.mark.parametrize("late_ns", [0, 3 * PERIOD_NS])
@pytest.mark.parametrize("screen_late_ns", [0, 3 * PERIOD_NS])
def test_the_order_of_recording_does_not_matter(session, late_ns, screen_late_ns):
    recording = session()
    events = [(tick * PERIOD_NS + screen_late_ns, seen, tick, screen_late_ns) for tick in range(10)]
    events += [(tick * PERIOD_NS + late_ns, acted, tick, late_ns) for tick in range(10)]
    for _, put, tick, late in sorted(events, key=lambda event: event[0]):
        put(recording, tick, late_ns=late)
    frames = list(film_of(recording.open()).frames())
    assert [(frame.tick, frame.act.key[1]) for frame in frames] == [(tick, tick) for tick in range(10)]


def test_a_picture_whose_applied_is_lost_is_shown_without_and_counted(session):
    recording = session()
    for tick in range(10):
        seen(recording, tick)
        if tick not in {4, 9}:
            acted(recording, tick, by="reset" if tick == 0 else "policy")
    film = film_of(recording.open())
    frames = list(film.frames())
    assert [frame.tick for frame in frames if frame.act is None] == [4, 9]
    (left,) = film.ledger.report("", (), 0).left_out
    assert (left.what, left.count) == ("applied", 2)


def test_the_reward_of_a_picture_that_is_lost_still_counts(session):
    recording = session()
    for tick in range(6):
        if tick != 3:
            seen(recording, tick)
        acted(recording, tick, by="reset" if tick == 0 else "policy")
    frames = list(film_of(recording.open()).frames())
    assert [(frame.tick, frame.total_reward) for frame in frames] == [(0, 1), (1, 2), (2, 3), (4, 5), (5, 6)]


def test_without_applied_pictures_come_all_the_same(session):
    recording = session()
    for tick in range(2 * MOST_WAITING):
        seen(recording, tick)
    frames = list(film_of(recording.open()).frames())
    assert [frame.tick for frame in frames] == list(range(2 * MOST_WAITING))
    assert not any(frame.act for frame in frames)


def test_a_restarted_plant_counts_its_ticks_anew(session):
    recording = session()
    for incarnation in (0, 1):
        for tick in range(5):
            stamp = (tick + 10 * incarnation) * PERIOD_NS
            recording.put(
                "screen", Screen(tick=tick, episode=0, image=image_of(0)), stamp, incarnation=incarnation
            )
            act = applied(tick, 0, "reset" if tick == 0 else "policy", 1.0)
            recording.put("applied", act, stamp, incarnation=incarnation)
    frames = list(film_of(recording.open()).frames())
    assert [frame.act.key for frame in frames] == [(number, tick) for number in (0, 1) for tick in range(5)]
    assert [frame.total_reward for frame in frames] == [1, 2, 3, 4, 5] * 2


def test_a_range_in_the_middle_knows_that_it_has_not_the_whole_return(session):
    recording = session()
    played(recording, 120, episode_ticks=100)
    film = film_of(recording.open(), start_ns=70 * PERIOD_NS, end_ns=104 * PERIOD_NS + 200_000)
    frames = list(film.frames())
    assert [frame.tick for frame in frames] == list(range(70, 105))
    assert film.count == 35
    assert [frame.complete for frame in frames] == [False] * 30 + [True] * 5
    assert frames[0].total_reward == 0.5
    assert frames[29].total_reward == 15.0
    assert frames[-1].total_reward == 2.0


def test_without_a_screen_the_observation_is_shown(session):
    recording = session()
    played(recording, 5, screen=False)
    film = film_of(recording.open())
    assert film.channel.topic == "observation"
    np.testing.assert_array_equal(next(film.frames()).pixels, value_of(0))


def test_of_several_parts_the_first_picture_is_shown_and_the_others_are_named(session):
    parts = {"joints": np.zeros(2), "wrist": value_of(3), "front": value_of(4)}
    recording = session()
    recording.put("observation", Observation(tick=0, episode=0, value=parts), 0)
    film = film_of(recording.open())
    np.testing.assert_array_equal(next(film.frames()).pixels, value_of(3))
    left_out = {(one.what, one.why) for one in film.ledger.report("", (), 0).left_out}
    assert ("observation: value.front", "value.wrist is shown") in left_out


def test_the_topic_can_be_chosen(session):
    recording = session()
    played(recording, 5)
    assert film_of(recording.open(), "observation", "applied").channel.topic == "observation"


def test_of_a_stack_the_newest_is_shown(session):
    stack = np.stack([value_of(tick) for tick in range(4)])
    recording = session()
    recording.put("observation", Observation(tick=0, episode=0, value=stack), 0)
    film = film_of(recording.open())
    np.testing.assert_array_equal(next(film.frames()).pixels, value_of(3))
    assert any("the newest is shown" in remark for remark in film.ledger.report("", (), 0).remarks)


def test_no_pictures_is_an_error_that_says_how_to_get_some(session):
    recording = session()
    recording.put("observation", Observation(tick=0, episode=0, value=np.zeros(4)), 0)
    with pytest.raises(BagError, match="publish_screen: true"):
        film_of(recording.open())


def test_two_plants_are_an_error_that_names_both(session):
    recording = session()
    for side in ("left", "right"):
        screen = Screen(tick=0, episode=0, image=image_of(0))
        recording.put(f"{side}/screen", screen, 0, publisher=f"{side}/plant")
    bag = recording.open()
    with pytest.raises(BagError, match="left/screen, right/screen"):
        film_of(bag)
    assert film_of(bag, "right/*").channel.topic == "right/screen"


@pytest.mark.parametrize(
    ("period_ns", "rate"),
    [(16_666_667, 60), (1_000_000, 1000), (33_366_700, 30), (1_500_000_000, Fraction(2, 3)), (0, 30)],
)
def test_the_rate_is_read_off_the_stamps(session, period_ns, rate):
    recording = session()
    rng = np.random.default_rng(0)
    for tick in range(50):
        jitter_ns = int(rng.integers(0, 1 + period_ns // 1000))
        screen = Screen(tick=tick, episode=0, image=image_of(0))
        recording.put("screen", screen, tick * period_ns + jitter_ns if period_ns else 0)
    assert film_of(recording.open()).rate == rate


def test_what_does_not_decode_is_left_out_and_counted(session):
    recording = session()
    recording.garbage("screen", Screen, 0)
    played(recording, 3)
    film = film_of(recording.open())
    assert len(list(film.frames())) == 3
    (left,) = film.ledger.report("", (), 0).left_out
    assert left.what == "screen"
