"""The window, on SDL's dummy display: events come from the tests."""

from __future__ import annotations

import numpy as np
import pytest
from support.host import HandHost

from rtgraph.msgs import ArraySpec, Discrete, Observation, PlantSpec, Screen
from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.play import Human
from rtgraph.nodes.play.window import Window
from rtgraph.nodes.runtime import LaunchContext

pygame = pytest.importorskip("pygame", reason="pip install 'rtgraph[play]'")

SPEC = PlantSpec(
    rate_hz=60,
    observation=ArraySpec(dtype="uint8", shape=(20, 30)),
    action=Discrete(count=4, names=("NOOP", "LEFT", "RIGHT", "FIRE")),
)


@pytest.fixture(autouse=True)
def dummy(monkeypatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")


@pytest.fixture
def window():
    opened = Window("a game", ("X: FIRE", "Esc: end"))
    yield opened
    opened.close()


def key(name: str, *, down: bool = True) -> None:
    pygame.event.post(
        pygame.event.Event(pygame.KEYDOWN if down else pygame.KEYUP, key=pygame.key.key_code(name))
    )


def pixel(x: int, y: int) -> tuple[int, ...]:
    return tuple(pygame.display.get_surface().get_at((x, y)))[:3]


def test_held_keys_are_held_and_a_tap_between_two_looks_counts_once(window) -> None:
    key("left")
    assert window.held() == ("LEFT",)
    key("x")
    assert window.held() == window.held() == ("LEFT", "A")
    key("left", down=False)
    key("z")
    key("z", down=False)
    assert window.held() == ("A", "B")
    assert window.held() == ("A",)
    key("z")
    key("z", down=False)
    key("left")
    key("x", down=False)
    key("x")
    assert window.held() == ("B", "LEFT", "A")
    assert window.held() == ("LEFT", "A")


def test_a_gamepad_holds_the_same_buttons(window) -> None:
    post = pygame.event.post
    post(pygame.event.Event(pygame.JOYHATMOTION, value=(-1, 1)))
    assert set(window.held()) == {"LEFT", "UP"}
    post(pygame.event.Event(pygame.JOYHATMOTION, value=(0, 0)))
    post(pygame.event.Event(pygame.JOYAXISMOTION, axis=0, value=0.9))
    post(pygame.event.Event(pygame.JOYBUTTONDOWN, button=0))
    assert window.held() == ("RIGHT", "A")
    post(pygame.event.Event(pygame.JOYAXISMOTION, axis=0, value=0.1))
    post(pygame.event.Event(pygame.JOYBUTTONUP, button=0))
    assert window.held() == ()


@pytest.mark.parametrize("how", ["escape", "quit"])
def test_escape_and_the_close_button_close_it(window, how) -> None:
    if how == "escape":
        key("escape")
    else:
        pygame.event.post(pygame.event.Event(pygame.QUIT))
    window.look()
    assert window.closed


def test_what_is_held_is_released_with_the_focus(window) -> None:
    key("left")
    window.look()
    pygame.event.post(pygame.event.Event(pygame.WINDOWFOCUSLOST))
    window.held()
    assert window.held() == ()


def test_an_image_is_shown_as_large_as_whole_pixels_fit(window) -> None:
    image = np.zeros((144, 160, 3), np.uint8)
    image[:, 80:] = (10, 200, 30)
    window.show(image, "return 3")
    assert pixel(300, 300) == (0, 0, 0)
    assert pixel(330, 300) == (10, 200, 30)
    assert pixel(639, 575) == (10, 200, 30), "160 × 144 fits 640 × 576 four times"
    window.show(None, "no image")
    assert pixel(330, 300) == (24, 24, 28)


def test_without_a_display_there_is_one_clear_error(monkeypatch) -> None:
    for name in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(NodeError, match=r"no window can be opened: .*hint: play where there is a display"):
        Window("a game", ())


def test_a_person_decides_at_each_observation_and_sees_it() -> None:
    host = HandHost(Human, {"plant": SPEC}, name="human", launch_context=LaunchContext(realtime=True))
    host.begin()
    value = np.full((20, 30), 77, np.uint8)
    first = Observation(tick=0, episode=0, first=True, value=value)
    host.deliver("observation", first, source="plant")
    assert pixel(320, 288) == (77, 77, 77)
    key("right")
    host.deliver(
        "observation", first.model_copy(update={"tick": 1, "reward": 2.0}), source="plant", sequence=1
    )
    key("x")
    key("x", down=False)
    for tick in (2, 3):
        host.deliver("observation", first.model_copy(update={"tick": tick}), source="plant", sequence=tick)
    decided = [(one.action, one.header.lineage.tick) for one in host.messages("decision")]
    assert decided == [(0, 0), (2, 1), (3, 2), (2, 3)], "a tap acts once, though a button is held"
    image = np.full((40, 40, 3), 99, np.uint8)
    host.deliver("screen", Screen(tick=1, episode=0, image=image), source="plant")
    assert pixel(320, 288) == (99, 99, 99)
    pygame.event.post(pygame.event.Event(pygame.QUIT))
    host.run_until(50_000_000)
    assert host.finished[0] == "the window was closed"
    host.executor.stop()
    assert not pygame.display.get_init()
