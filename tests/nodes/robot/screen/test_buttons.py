"""The protocol of the buttons, with the peer's firmware in a thread, and the keys of uinput, with a file as the device."""

import fcntl
import threading
import time

import pytest
from support.console import NAMES, Firmware

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.robot import Driver
from rtgraph.nodes.robot.screen import SerialButtons, UinputButtons
from rtgraph.nodes.robot.screen.uinput import CODES, EVENT, KEY

PATIENT_S = 0.5


class Served:
    """A firmware that answers in a thread."""

    def __init__(self, folder):
        self.port = folder / "buttons"
        self.firmware = Firmware(self.port)
        self.asked: list[str] = []
        answer = self.firmware.answer
        self.firmware.answer = lambda line, now: self.asked.append(line) or answer(line, now)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        while not self._over.is_set():
            self.firmware.serve(time.monotonic() + 0.02)

    def close(self):
        self._over.set()
        self._thread.join()


@pytest.fixture
def served(tmp_path):
    made = Served(tmp_path)
    yield made
    made.close()


@pytest.fixture
def buttons(served):
    made = SerialButtons(str(served.port), timeout_s=PATIENT_S)
    made.connect()
    yield made
    made.disconnect()


def until(condition):
    for _ in range(2000):
        if condition():
            return
        threading.Event().wait(0.002)
    raise AssertionError("it does not become so")


def test_it_is_a_driver_that_asks_for_the_buttons_and_presses_none(buttons, served):
    assert isinstance(buttons, Driver)
    assert buttons.names == NAMES
    assert buttons.silent_ms == 100
    assert set(served.asked) == {"?"}


def test_exactly_the_given_buttons_are_pressed(buttons, served):
    pressed = buttons.send_action({"LEFT": 1.0, "FIRE": 1.0, "UP": 0.0})
    assert served.asked[-1] == "p 14"
    assert {name for name, on in pressed.items() if on} == {"LEFT", "FIRE"}
    assert not any(buttons.send_action({}).values())


def test_the_firmware_releases_when_no_command_comes_although_it_is_read(buttons, served):
    buttons.send_action({"LEFT": 1.0})
    until(lambda: not any(buttons.get_observation().values()))
    assert served.asked.count("p 4") == 1


def test_disconnecting_releases_at_once(served):
    made = SerialButtons(str(served.port), timeout_s=PATIENT_S)
    made.connect()
    made.send_action({"LEFT": 1.0})
    made.disconnect()
    until(lambda: served.asked[-1] == "p 0")
    assert not made.is_connected


def test_a_line_without_a_firmware_is_one_clear_error(served, monkeypatch):
    monkeypatch.setattr(served.firmware, "answer", lambda line, now: "ok T:21.3")
    made = SerialButtons(str(served.port), timeout_s=PATIENT_S)
    with pytest.raises(
        RobotError, match=r"the device on .* answers 'ok T:21\.3'; expected 'buttons 1 TIMEOUT NAME"
    ):
        made.connect()
    made.disconnect()


def test_a_wrong_answer_to_a_command_is_an_error(buttons, served, monkeypatch):
    monkeypatch.setattr(served.firmware, "answer", lambda line, now: "p zz")
    with pytest.raises(RobotError, match="answer 'p zz' to 'p 4'"):
        buttons.send_action({"LEFT": 1.0})


@pytest.fixture
def device(tmp_path, monkeypatch):
    path = tmp_path / "uinput"
    path.touch()
    monkeypatch.setattr(fcntl, "ioctl", lambda *_: 0)
    return path


def keys(device):
    size = EVENT.size
    data = device.read_bytes()[1116:]
    events = [EVENT.unpack(data[at : at + size]) for at in range(0, len(data), size)]
    return [(code, value) for _, _, kind, code, value in events if kind == KEY]


def test_keys_are_pressed_and_released_as_they_change(device):
    made = UinputButtons({"FIRE": "SPACE", "UP": 103}, device=str(device))
    made.connect()
    made.send_action({"FIRE": 1.0})
    made.send_action({"FIRE": 1.0, "UP": 1.0})
    made.disconnect()
    assert keys(device) == [(CODES["SPACE"], 1), (103, 1), (CODES["SPACE"], 0), (103, 0)]


def test_keys_are_released_when_no_command_comes(device):
    made = UinputButtons({"FIRE": "SPACE"}, silent_s=0.0, device=str(device))
    made.connect()
    made.send_action({"FIRE": 1.0})
    assert made.get_observation() == {"FIRE": 0.0}
    made.disconnect()
    assert keys(device) == [(CODES["SPACE"], 1), (CODES["SPACE"], 0)]


def test_a_missing_device_and_a_wrong_key_are_clear_errors(tmp_path):
    with pytest.raises(RobotError, match="modprobe uinput"):
        UinputButtons({"FIRE": "SPACE"}, device=str(tmp_path / "uinput")).connect()
    with pytest.raises(RobotError, match="unknown key 'SPAC'"):
        UinputButtons({"FIRE": "SPAC"})


@pytest.mark.parametrize(
    ("described", "problem"),
    [
        ("buttons 1 soon UP DOWN", "report a timeout of 'soon'; expected 50 to 500 ms"),
        ("buttons 1 0 UP DOWN", "report a timeout of '0'; expected 50 to 500 ms"),
        ("buttons 1 ٣٠٠ UP", "report a timeout of '٣٠٠'"),
        ("buttons 1 9999999999999 UP", "expected 50 to 500 ms"),
        ("buttons 1 100 UP DOWN UP", "have the name 'UP' twice"),
        ("buttons 2 100 UP", "expected .buttons 1 TIMEOUT NAME"),
        ("buttons 1 100", "with 1 to 32 names"),
    ],
)
def test_a_firmware_that_describes_itself_wrongly_is_refused(served, described, problem):
    served.firmware.answer = lambda line, now: described
    made = SerialButtons(str(served.port), timeout_s=PATIENT_S)
    with pytest.raises(RobotError, match=problem):
        made.connect()
    made.disconnect()


@pytest.mark.parametrize(
    "answer", ["p -1", "p 0x1", "p 1_0", "p", "p 123456789", "p 40000000", "q 1", "p 1 2"]
)
def test_an_answer_that_is_no_mask_of_the_buttons_is_an_error(buttons, served, answer):
    served.firmware.answer = lambda line, now: answer
    with pytest.raises(RobotError, match="answer"):
        buttons.send_action({"UP": 1.0})
