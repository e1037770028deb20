"""What is pressed at a tick, with a link without threads and a camera in memory."""

import logging

import numpy as np
import pytest

from rtgraph.nodes.camera import Picture
from rtgraph.nodes.robot.connection.link_params import LinkParams
from rtgraph.nodes.robot.safety import Command
from rtgraph.nodes.robot.screen.control import ScreenControl
from rtgraph.nodes.robot.screen.ending import EndRules
from rtgraph.nodes.robot.screen.file import ResetStep, ScreenFile
from rtgraph.nodes.robot.screen.link import ScreenLink
from rtgraph.nodes.robot.screen.score import ScoreBoard

PERIOD_NS = 16_666_667
BUTTONS = ("FIRE", "LEFT", "RESET")
ACTIONS = [frozenset(), frozenset({"FIRE"}), frozenset({"LEFT"})]
STEPS = (ResetStep(press=("RESET",), s=0.05), ResetStep(s=0.05))


class Camera:
    """A camera in memory: it has a picture at every tick unless it is silent."""

    problem = ""

    def __init__(self):
        self.picture = None
        self.closed = False

    def start(self): ...

    def newest(self):
        return self.picture

    def close(self, within_s):
        self.closed = True
        return True


class Pad:
    """Buttons in memory."""

    is_connected = True
    observation_features = action_features = dict.fromkeys(BUTTONS, float)

    def __init__(self):
        self.got = []
        self.raises = None

    def connect(self): ...

    def disconnect(self):
        self.got.append(frozenset())

    def get_observation(self):
        return {}

    def send_action(self, action):
        if self.raises:
            raise self.raises
        self.got.append(frozenset(name for name, on in action.items() if on))
        return action


class Table:
    """A control, moved tick by tick."""

    def __init__(self):
        self.now_ns, self.lives, self.pads, self.camera = 10**9, [], [], Camera()
        self.films = True
        self.link = ScreenLink(
            self._pad,
            lambda _: "",
            LinkParams(),
            period_ns=PERIOD_NS,
            now_ns=lambda: self.now_ns,
            log=logging.getLogger("test"),
            stop=dict.fromkeys(BUTTONS, 0.0),
            spawn=self.lives.append,
        )
        self.link.watch(self.camera)
        self.control = ScreenControl(ACTIONS, BUTTONS, self.link, PERIOD_NS, self.now_ns)
        self.link.start(self.now_ns)

    def _pad(self):
        self.pads.append(Pad())
        return self.pads[-1]

    @property
    def pressed(self):
        return self.pads[-1].got[-1]

    @property
    def state(self):
        return self.control.states.state

    def up(self):
        self.lives[-1].open()
        self.tick()
        return self

    def tick(self, action=None, default=0, *, age_ns=0, source="policy"):
        self.now_ns += PERIOD_NS
        if self.films:
            self.camera.picture = Picture(np.zeros((9, 9, 3), np.uint8), self.now_ns, 1)
        command = None if action is None else Command(np.asarray(action), self.now_ns - age_ns, source)
        self.control.attend(self.now_ns)
        refused = self.control.tick(command, default, self.now_ns)
        self.lives[-1].cycle()
        return refused


@pytest.fixture
def table():
    return Table().up()


def test_the_buttons_of_a_command_are_pressed_and_released_without_one(table):
    assert table.tick(1) == ""
    assert (table.pressed, table.state) == ({"FIRE"}, "running")
    table.tick()
    assert table.pressed == frozenset()


def test_something_is_sent_at_every_tick_so_that_the_firmware_waits_for_no_other(table):
    before = len(table.pads[0].got)
    for _ in range(10):
        table.tick()
    assert len(table.pads[0].got) == before + 10


def test_the_default_behaviour_presses_until_the_policy_is_silent_for_too_long(table):
    table.tick(2)
    pressed = []
    for _ in range(10):
        table.tick(default=2)
        pressed.append(table.pressed)
    assert pressed[:5] == [{"LEFT"}] * 5
    assert pressed[-1] == frozenset()
    assert (table.state, table.control.states.reason) == ("stale", "no valid command")
    table.tick(1)
    assert table.state == "running"


def test_a_reset_begins_again_after_the_camera_was_silent(table):
    table.control.begin_reset(STEPS, table.now_ns)
    table.tick()
    assert table.pressed == {"RESET"}
    table.films = False
    for _ in range(20):
        table.tick()
    assert (table.pressed, table.state) == (frozenset(), "stale")
    table.films = True
    pressed = [table.tick() or table.pressed for _ in range(3)]
    assert pressed == [{"RESET"}] * 3
    assert table.control.is_homing


def test_a_silent_camera_releases_the_buttons_and_its_return_is_enough(table):
    table.tick(1)
    table.films = False
    refused = [table.tick(1) for _ in range(8)]
    assert refused[0] == ""
    assert refused[-1] == "fault"
    assert (table.pressed, table.state) == (frozenset(), "stale")
    table.films = True
    assert table.tick(1) == ""
    assert table.state == "running"


def test_old_commands_and_those_of_a_second_publisher_are_refused(table):
    assert table.tick(1, age_ns=200_000_000) == "stale"
    assert table.pressed == frozenset()
    table.tick(1)
    assert table.tick(2, source="other") == "commander"
    assert table.control.refused == {"stale": 1, "commander": 1}


def test_a_reset_presses_its_steps_and_refuses_commands(table):
    table.control.begin_reset(STEPS, table.now_ns)
    pressed, refused = [], []
    while table.control.is_homing:
        refused.append(table.tick(1))
        pressed.append(table.pressed)
        assert not table.control.is_homing or table.state == "homing"
    assert pressed[0] == {"RESET"}
    assert pressed.count({"RESET"}) == 3
    assert pressed[-1] == frozenset()
    assert set(refused) == {"homing"}
    assert not table.control.is_ready
    table.tick()
    assert table.control.is_ready


def test_a_line_that_fails_is_a_fault_and_the_reset_begins_again_with_the_next_driver(table):
    table.control.begin_reset(STEPS, table.now_ns)
    table.tick()
    table.pads[-1].raises = OSError("unplugged")
    for _ in range(4):
        table.tick()
    assert table.state == "fault"
    while len(table.lives) == 1:
        table.tick()
    table.lives[-1].open()
    table.tick()
    table.tick()
    assert (table.pressed, table.state) == ({"RESET"}, "homing")


def test_an_emergency_stop_releases_all_buttons_until_it_is_reset(table):
    table.tick(1)
    table.control.stop("button", table.now_ns)
    assert table.tick(1) == "estop"
    assert (table.pressed, table.state) == (frozenset(), "stopped")
    sent = len(table.pads[-1].got)
    table.tick(1)
    assert len(table.pads[-1].got) == sent
    table.control.reset(table.now_ns)
    table.tick()
    table.tick(1)
    assert (table.pressed, table.state) == ({"FIRE"}, "running")


def test_it_connects_when_both_the_buttons_and_the_camera_are_there():
    table = Table()
    table.films = False
    table.lives[-1].open()
    table.tick()
    assert (table.state, table.control.is_ready) == ("connecting", False)
    assert table.control.states.reason.startswith("the camera")
    table.films = True
    table.tick()
    assert table.control.is_ready


def test_closing_releases_the_buttons_and_the_camera(table):
    table.tick(1)
    life = table.lives[-1]
    life.over = True
    life.end()
    assert table.link.close(0.0)
    assert table.pressed == frozenset()
    assert table.camera.closed


def rules(*end):
    counters = {"lives": {"region": [0, 0, 8, 12], "digits": 1, "least": -1, "most": 1, "frames": 1}}
    file = ScreenFile.model_validate({"counters": counters, "end": end})
    return EndRules(file), ScoreBoard(file)


DARK, BRIGHT = np.zeros((210, 160, 3), np.uint8), np.full((210, 160, 3), 200, np.uint8)


def test_a_game_ends_when_a_counter_stays_low():
    found, board = rules({"kind": "counter", "counter": "lives", "frames": 2})
    ended = []
    for value in (1, 0, 1, 0, 0):
        board.counters["lives"].take(value)
        found.take(DARK, board, 0)
        ended.append(found.terminated)
    assert ended == [False, False, False, False, True]
    found.begin(0)
    assert not found.terminated


def test_a_game_ends_when_a_region_stays_bright():
    found, board = rules({"kind": "picture", "region": [10, 10, 20, 20], "least": 150, "frames": 2})
    ended = []
    for picture in (BRIGHT, DARK, BRIGHT, BRIGHT):
        found.take(picture, board, 0)
        ended.append(found.terminated)
    assert ended == [False, False, False, True]


def test_a_game_ends_when_a_counter_was_reset():
    found, board = rules({"kind": "reset", "counter": "lives"})
    found.take(DARK, board, 0)
    assert not found.terminated
    board.fell = frozenset({"lives"})
    found.take(DARK, board, 0)
    assert found.terminated


@pytest.mark.parametrize("kind", ["time", "idle"])
def test_time_truncates(kind):
    found, board = rules({"kind": kind, "s": 2})
    board.changed = True
    found.take(DARK, board, 10**9)
    found.tick(2_500_000_000)
    assert found.truncated == (kind == "time")
    found.tick(3_000_000_000)
    assert found.truncated
    assert not found.terminated
