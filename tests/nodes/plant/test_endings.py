from rtgraph.msgs import Ending
from rtgraph.nodes.plant.endings import Endings


def ending(reason, encounter=None, ticks=100, actions=7):
    return Ending(tick=0, episode=0, reason=reason, encounter=encounter, ticks=ticks, actions=actions)


def test_without_endings_there_are_no_figures():
    assert Endings().figures(60) == {}


def test_reasons_and_encounters_are_counted():
    endings = Endings()
    for one in (
        ending("lost", "b1"),
        ending("timeout", "b1", ticks=20),
        ending("won", "b1"),
        ending("won", "b2"),
    ):
        endings.add(one)
    assert endings.figures(10) == {
        "endings": {"lost": 1, "timeout": 1, "won": 2},
        "encounters": {
            "b1": {"won": 1, "lost": 2, "ticks": 220, "actions": 21, "time_s": 22},
            "b2": {"won": 1, "lost": 0, "ticks": 100, "actions": 7, "time_s": 10},
        },
        "newest_encounter": "b2",
    }


def test_games_without_encounters_have_reasons_only():
    endings = Endings()
    endings.add(ending("game_over"))
    assert endings.figures() == {"endings": {"game_over": 1}}
