import itertools
import threading

import pytest
from support.fake_device import PERIOD_NS, Bench, FakeDriver

from rtgraph.nodes.robot.connection.link import Link
from rtgraph.nodes.robot.connection.link_params import LinkParams

ACTION = {"pan.pos": 11.0, "lift.pos": 21.0}
STOP = {"pan.vel": 0.0, "lift.vel": 0.0}


def test_a_tick_takes_the_newest_sample_with_its_capture_time():
    bench = Bench().up()
    began_ns = bench.now_ns
    bench.takes_ns["get_observation"] = 3_000_000
    assert bench.turn()
    sample = bench.link.newest()
    assert sample.captured_ns == began_ns
    assert sample.values["pan.pos"] == 10.0


def test_a_silent_bus_gets_one_command_afterwards_and_no_burst():
    bench = Bench().up()
    posted = 0
    for _ in range(100):  # a second in which the thread is inside one read
        bench.now_ns += PERIOD_NS
        if bench.link.is_free():
            bench.link.post({**ACTION, "pan.pos": 11.0 + posted}, bench.now_ns)
            posted += 1
    bench.now_ns -= 99 * PERIOD_NS  # not so long that the command is too old
    for _ in range(5):
        bench.turn()
    assert posted == 1
    assert [action["pan.pos"] for _, action in bench.got] == [11.0]


def test_two_commands_are_at_least_most_of_a_period_apart():
    bench = Bench().up()
    for _ in range(20):
        if bench.link.is_free():
            bench.link.post(ACTION, bench.now_ns)
        bench.turn()
        bench.now_ns += PERIOD_NS // 5
    times = [at for at, _ in bench.got]
    assert min(b - a for a, b in itertools.pairwise(times)) >= 0.75 * PERIOD_NS


def test_a_command_that_waited_too_long_is_dropped_and_told():
    bench = Bench().up()
    bench.link.post(ACTION, bench.now_ns)
    bench.now_ns += 600_000_000
    bench.turn()
    assert not bench.got
    assert bench.link.take_lost()
    assert not bench.link.take_lost()


@pytest.mark.parametrize("call", ["get_observation", "send_action"])
def test_three_failures_in_a_row_are_a_fault_and_a_new_driver_follows(call):
    bench = Bench().up()
    bench.raises[call] = OSError("no reply")
    for _ in range(2):
        bench.link.post(ACTION, bench.now_ns)
        assert bench.turn()
        bench.now_ns += PERIOD_NS
    assert bench.link.health.state == "up"
    bench.link.post(ACTION, bench.now_ns)
    assert not bench.turn()
    assert bench.link.health.state == "fault"
    assert f"{call}: OSError: no reply, 3 times in a row" in bench.link.health.reason
    bench.lives[-1].end()
    assert bench.disconnected == 1
    bench.raises.clear()
    bench.later(100_000_000)
    assert len(bench.lives) == 1
    bench.later(200_000_000)
    assert bench.lives[-1].open()
    assert (len(bench.drivers), bench.link.health.state, bench.link.health.driver_number) == (2, "up", 2)


def test_two_failures_and_a_success_are_no_fault():
    bench = Bench().up()
    for _ in range(5):
        bench.raises["get_observation"] = TimeoutError()
        assert bench.turn()
        assert bench.turn()
        bench.raises.clear()
        assert bench.turn()
    assert bench.link.faults == 0


def test_a_call_that_failed_is_over():
    """The pause before the next call is no time for which the driver blocks."""
    bench = Bench().up()
    bench.raises["get_observation"] = TimeoutError()
    assert bench.turn()
    assert bench.link.is_free()
    bench.later(10_000_000_000)
    assert bench.link.faults == 0


def test_calls_that_take_too_long_are_failures():
    bench = Bench(deadline_ms=50).up()
    bench.takes_ns["get_observation"] = 152_000_000
    assert [bench.turn() for _ in range(3)] == [True, True, False]
    assert "took 152 ms" in bench.link.health.reason


def test_a_device_absent_at_the_start_is_waited_for_with_growing_pauses():
    bench = Bench(retry_s=0.1, retry_most_s=0.4)
    bench.raises["connect"] = FileNotFoundError("/dev/ttyACM0")
    bench.link.start(0)
    waits = []
    for _ in range(5):
        life = bench.lives[-1]
        assert not life.open()
        life.end()
        before_ns, count = bench.now_ns, len(bench.lives)
        while len(bench.lives) == count:
            bench.later(1_000_000)
        waits.append(round((bench.now_ns - before_ns) / 1e9, 2))
    assert waits == [0.1, 0.2, 0.4, 0.4, 0.4]
    assert bench.link.health.state == "connecting"
    bench.raises.clear()
    assert bench.lives[-1].open()
    assert bench.link.health.state == "up"


def test_a_number_of_attempts_may_be_set():
    bench = Bench(attempts=2)
    bench.raises["connect"] = OSError("gone")
    bench.link.start(0)
    bench.lives[-1].open()
    bench.later(300_000_000)
    bench.lives[-1].open()
    assert bench.link.health.state == "lost"


def test_another_device_than_the_described_one_is_given_up():
    bench = Bench(problem="the device takes gripper.pos, which the graph does not command")
    bench.link.start(0)
    assert not bench.lives[-1].open()
    assert bench.link.health.state == "lost"
    assert "gripper.pos" in bench.link.health.reason
    assert not bench.got


def test_a_call_that_never_returns_is_abandoned_and_its_thread_calls_nothing_more():
    bench = Bench().up()
    hung = bench.lives[-1]
    hung.call, hung.call_began_ns = "get_observation", bench.now_ns
    bench.link.post(ACTION, bench.now_ns)
    bench.later(500_000_000)
    assert bench.link.health.state == "up"
    bench.later(150_000_000)
    assert (bench.link.health.state, bench.link.abandoned) == ("fault", 1)
    bench.later(300_000_000)
    assert bench.lives[-1] is not hung
    assert bench.lives[-1].open()
    assert not hung.cycle()  # the call returns at last
    assert not bench.got


def test_a_stop_is_not_held_up_by_a_call_that_never_returns():
    entered, never = threading.Event(), threading.Event()

    class Hanging(FakeDriver):
        def get_observation(self):
            entered.set()
            never.wait()
            return super().get_observation()

    bench = Bench()
    link = Link(
        lambda: Hanging(bench),
        lambda _: "",
        LinkParams(),
        period_ns=PERIOD_NS,
        now_ns=lambda: bench.now_ns,
        log=bench.link._log,
    )
    link.start(0)
    assert entered.wait(10)
    assert not link.close(0.05)
    never.set()


def test_latched_nothing_is_sent_until_it_is_released():
    bench = Bench().up()
    bench.link.post(ACTION, bench.now_ns)
    bench.link.latch()
    bench.link.post(ACTION, bench.now_ns)
    bench.now_ns += PERIOD_NS
    bench.turn()
    assert not bench.got
    assert not bench.link.is_free()
    bench.link.release()
    bench.link.post(ACTION, bench.now_ns)
    bench.turn()
    assert [action for _, action in bench.got] == [ACTION]


def test_velocities_are_set_to_zero_once_by_the_latch():
    bench = Bench(stop=STOP).up()
    bench.link.post({"pan.vel": 5.0, "lift.vel": 5.0}, bench.now_ns)
    bench.turn()
    bench.link.latch()
    for _ in range(3):
        bench.turn()
    assert [action for _, action in bench.got][1:] == [STOP]


def fault(bench):
    """End the newest life by reads that fail, and connect a new driver."""
    bench.raises["get_observation"] = OSError("no reply")
    while bench.turn():
        pass
    bench.raises.clear()
    bench.lives[-1].end()
    bench.later(300_000_000)
    assert bench.lives[-1].open()


@pytest.mark.parametrize("when", ["before the fault", "in the fault"])
def test_the_stop_is_sent_to_each_new_driver(when):
    bench = Bench(stop=STOP).up()
    bench.raises["send_action"] = OSError("no reply")
    if when == "before the fault":
        bench.link.latch()
        bench.link.set_torque(False)
    bench.raises["get_observation"] = OSError("no reply")
    while bench.turn():
        pass
    if when == "in the fault":
        bench.link.latch()
        bench.link.set_torque(False)
    bench.drivers[-1].torque.clear()
    fault(bench)
    for _ in range(3):
        bench.turn()
    assert [action for _, action in bench.got] == [STOP]
    assert bench.drivers[-1].torque == [False]
    fault(bench)
    for _ in range(3):
        bench.turn()
    assert [action for _, action in bench.got] == [STOP, STOP]
    assert bench.drivers[-1].torque == [False]


def test_a_stop_does_not_age_and_is_tried_again_until_it_was_sent():
    bench = Bench(stop=STOP).up()
    bench.link.latch()
    bench.later(550_000_000)
    bench.raises["send_action"] = OSError("noise")
    assert bench.turn()
    assert "the stop could not be sent: OSError: noise" in bench.link.unstopped
    assert not bench.link.is_idle()
    bench.raises.clear()
    for _ in range(3):
        bench.turn()
    assert [action for _, action in bench.got] == [STOP]
    assert bench.link.unstopped == ""
    assert bench.link.is_idle()


def test_after_a_reset_neither_stop_nor_torque_off_is_repeated():
    bench = Bench(stop=STOP).up()
    bench.link.latch()
    bench.link.set_torque(False)
    bench.link.release()
    fault(bench)
    bench.turn()
    assert not bench.got
    assert [driver.torque for driver in bench.drivers] == [[], []]


@pytest.mark.parametrize("on", [True, False])
def test_a_switch_of_torque_that_fails_is_tried_again(on, caplog):
    bench = Bench().up()
    bench.link.set_torque(on)
    bench.raises["set_torque"] = OSError("noise")
    assert bench.turn()
    assert not bench.link.is_idle()
    assert bench.link.torque is None
    bench.raises.clear()
    bench.turn()
    bench.turn()
    assert bench.drivers[0].torque == [on]
    assert bench.link.torque is on
    assert f"the torque could not be switched {'on' if on else 'off'}: OSError: noise" in caplog.text


def test_the_torque_is_not_switched_on_while_the_stop_is_in_force():
    bench = Bench().up()
    bench.link.set_torque(True)
    bench.link.latch()
    bench.turn()
    bench.link.set_torque(True)
    bench.turn()
    assert bench.drivers[0].torque == []


def test_the_torque_is_switched_on_only_after_a_command_was_sent():
    bench = Bench().up()
    bench.link.post(ACTION, bench.now_ns)
    bench.link.set_torque(True)
    bench.raises["send_action"] = OSError("noise")
    bench.turn()
    bench.turn()
    assert bench.drivers[0].torque == []
    bench.raises.clear()
    bench.later()
    bench.link.post(ACTION, bench.now_ns)
    bench.turn()
    assert bench.drivers[0].torque == [True]


def test_a_dry_run_reads_and_never_writes():
    bench = Bench(reads_only=True, stop=STOP).up()
    for _ in range(3):
        bench.link.post(ACTION, bench.now_ns)
        bench.link.set_torque(True)
        bench.now_ns += PERIOD_NS
        bench.turn()
    bench.link.latch()
    bench.turn()
    assert not bench.got
    assert bench.drivers[0].torque == []
    assert bench.link.newest() is not None


def test_torque_is_switched_after_the_commands_before_it():
    bench = Bench().up()
    bench.link.post(ACTION, bench.now_ns)
    bench.link.set_torque(False)
    bench.turn()
    assert len(bench.got) == 1
    assert bench.drivers[0].torque == [False]


def test_a_stop_that_waits_is_sent_before_the_driver_disconnects():
    busy, go_on = threading.Event(), threading.Event()

    class Slow(FakeDriver):
        def get_observation(self):
            busy.set()
            go_on.wait(10)
            return super().get_observation()

    bench = Bench(stop=STOP)
    link = Link(
        lambda: Slow(bench),
        lambda _: "",
        LinkParams(),
        period_ns=PERIOD_NS,
        now_ns=lambda: bench.now_ns,
        log=bench.link._log,
        stop=STOP,
    )
    link.start(0)
    assert busy.wait(10)
    link.latch()
    closing = threading.Thread(target=link.close, args=(10.0,))
    closing.start()
    go_on.set()
    closing.join(10)
    assert [action for _, action in bench.got] == [STOP]
    assert bench.disconnected == 1
