import itertools

import numpy as np
import pytest
from support.fake_device import PERIOD_NS, Bench

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.robot.control import Control
from rtgraph.nodes.robot.joints import JointParams
from rtgraph.nodes.robot.safety import Command

JOINTS = {
    "pan": JointParams(range=(-90, 90), speed=60, acceleration=600),
    "lift": JointParams(range=(0, 90), speed=60, acceleration=600),
}


class Robot:
    """A control and its fake device, ticked by hand: each tick is followed by one cycle of the link."""

    def __init__(self, kind="position", *, dry_run=False, **bench):
        self.bench = Bench(**bench)
        self._moves = kind == "position"
        self.control = Control(
            JOINTS, kind, self.bench.link, PERIOD_NS, self.bench.now_ns, 0.5, dry_run=dry_run
        )
        self.bench.link.start(0)

    @property
    def state(self):
        return self.control.states.state

    def tick(self, values=None, *, source="worker", age_ns=0, cycle=True):
        bench, control = self.bench, self.control
        bench.now_ns += PERIOD_NS
        done = None
        if control.attend(bench.now_ns):
            command = None if values is None else Command(np.array(values), bench.now_ns - age_ns, source)
            done = control.tick(command, None, bench.now_ns)
        life = bench.lives[-1]
        if not life.over and cycle:
            going = life.cycle() if life._driver is not None else life.open()
            if not going:
                life.end()
            elif self._moves and bench.drivers[-1] is life._driver:
                life._driver.step(PERIOD_NS / 1e9)
        return done

    def ticks(self, count, values=None, **more):
        for _ in range(count):
            done = self.tick(values, **more)
        return done


def test_a_connected_robot_holds_where_it_is_before_its_torque_is_switched_on():
    robot = Robot()
    robot.ticks(3)
    assert (robot.state, robot.control.states.reason) == ("holding", "connected: it holds where it is")
    assert robot.bench.got[0][1] == {"pan.pos": 10.0, "lift.pos": 20.0}
    assert robot.bench.drivers[0].torque == [True]


def test_commands_make_it_run_and_silence_makes_it_stale_where_it_is():
    robot = Robot()
    robot.ticks(3)
    robot.ticks(20, [15.0, 25.0])
    assert robot.state == "running"
    robot.ticks(30)
    assert (robot.state, robot.control.states.reason) == ("stale", "no valid command")
    positions = {tuple(action.values()) for _, action in robot.bench.got[-5:]}
    assert len(positions) == 1


def test_a_stale_command_is_judged_by_its_own_stamp():
    robot = Robot()
    robot.ticks(3)
    assert robot.tick([10.0, 20.0], age_ns=3_039_000_000).refused == "stale"
    assert robot.tick([10.0, 20.0]).refused == ""


def test_a_silent_device_is_stale_first_then_a_fault_and_then_runs_again():
    robot = Robot(deadline_ms=50, retry_s=0.05)
    robot.ticks(3)
    robot.ticks(5, [10.0, 20.0])
    sent = len(robot.bench.got)
    life = robot.bench.lives[-1]
    life.call, life.call_began_ns = "get_observation", robot.bench.now_ns
    robot.ticks(12, [10.0, 20.0], cycle=False)
    assert (robot.state, robot.control.states.reason) == ("stale", "the device is silent")
    robot.ticks(10, [10.0, 20.0], cycle=False)
    assert robot.state in {"fault", "connecting"}
    assert robot.bench.link.abandoned == 1
    assert len(robot.bench.got) == sent
    robot.ticks(10, [10.0, 20.0])
    assert robot.state == "running"
    # Where the robot was after the fault is where it holds: no jump.
    assert max(abs(a["pan.pos"] - 10.0) for _, a in robot.bench.got[sent:]) < 0.7


def test_a_robot_with_velocities_slows_down_to_rest_while_its_readings_are_old():
    robot = Robot("velocity")
    robot.ticks(10, [30.0, 0.0])
    assert robot.bench.got[-1][1] == {"pan.vel": pytest.approx(30.0), "lift.vel": 0.0}
    robot.bench.lives[-1]._ages_ns = lambda: {"pan.pos": 10**9, "lift.pos": 10**9}
    robot.ticks(2, [30.0, 0.0])
    sent = len(robot.bench.got)
    robot.ticks(6, [30.0, 0.0])
    assert (robot.state, robot.control.states.reason) == ("stale", "the device is silent")
    change = 600 * PERIOD_NS / 1e9
    velocities = [action["pan.vel"] for _, action in robot.bench.got[sent - 2 :]]
    assert all(before - after <= change + 1e-9 for before, after in itertools.pairwise(velocities))
    assert velocities[-1] == 0.0


def test_after_a_fault_a_far_command_does_not_resume():
    robot = Robot(deadline_ms=50, retry_s=0.05)
    robot.ticks(3)
    robot.bench.raises["get_observation"] = OSError("unplugged")
    robot.ticks(10)
    assert robot.state in {"fault", "connecting"}
    robot.bench.raises.clear()
    robot.ticks(10)
    assert robot.state == "holding"
    assert robot.tick([80.0, 80.0]).refused == "far"


def test_an_emergency_stop_latches_until_it_is_reset():
    robot = Robot()
    robot.ticks(3)
    robot.ticks(20, [15.0, 25.0])
    robot.control.stop("button", robot.bench.now_ns)
    sent = len(robot.bench.got)
    assert robot.ticks(50, [15.0, 25.0]).refused == "estop"
    assert (robot.state, robot.control.states.reason) == ("stopped", "button")
    assert len(robot.bench.got) == sent
    robot.control.reset(robot.bench.now_ns)
    assert robot.state == "holding"
    assert robot.ticks(2, [15.0, 25.0]).refused == ""
    assert robot.state == "running"


def test_an_emergency_stop_outlasts_a_fault():
    robot = Robot(deadline_ms=50, retry_s=0.05)
    robot.ticks(3)
    robot.control.stop("button", robot.bench.now_ns)
    robot.bench.raises["get_observation"] = OSError("unplugged")
    robot.ticks(10)
    robot.bench.raises.clear()
    sent = len(robot.bench.got)
    robot.ticks(20, [10.0, 20.0])
    assert robot.state == "stopped"
    assert len(robot.bench.got) == sent


def test_a_reset_after_a_stop_that_took_the_torque_switches_it_on_where_the_robot_fell_to():
    robot = Robot()
    robot.ticks(3)
    robot.ticks(20, [12.0, 20.0])
    robot.control.stop("button", robot.bench.now_ns)
    robot.bench.link.set_torque(False)
    robot.ticks(2)
    driver = robot.bench.drivers[0]
    driver.position["lift"] = driver.goal["lift"] = 12.5
    robot.ticks(2)
    sent = len(robot.bench.got)
    robot.control.reset(robot.bench.now_ns)
    robot.ticks(3)
    assert driver.torque == [True, False, True]
    assert robot.bench.got[sent][1]["lift.pos"] == pytest.approx(12.5)
    assert robot.state == "holding"


def test_the_state_says_that_a_stop_could_not_take_the_torque():
    robot = Robot()
    robot.ticks(3)
    robot.control.stop("button", robot.bench.now_ns)
    robot.bench.link.set_torque(False)
    robot.bench.raises["set_torque"] = OSError("noise")
    robot.ticks(2)
    reason = "button; the torque could not be switched off: OSError: noise"
    assert (robot.state, robot.control.states.reason) == ("stopped", reason)
    robot.bench.raises.clear()
    robot.ticks(2)
    assert (robot.state, robot.control.states.reason) == ("stopped", "button")
    assert robot.bench.drivers[0].torque == [True, False]


def test_a_physical_reset_is_slow_and_refuses_commands():
    robot = Robot()
    robot.ticks(3)
    robot.control.go_to(np.array([40.0, 60.0]), "a physical reset", robot.bench.now_ns)
    assert robot.tick([10.0, 20.0]).refused == "homing"
    assert robot.state == "homing"
    moves = []
    for _ in range(300):
        robot.tick()
        moves.append(robot.bench.got[-1][1]["lift.pos"])
    assert robot.state == "holding"
    assert moves[-1] == pytest.approx(60.0)
    assert np.max(np.abs(np.diff(moves))) <= 0.5 * 60 * PERIOD_NS / 1e9 + 1e-9


def test_a_physical_reset_waits_for_a_joint_that_lags_and_gives_up_on_a_blocked_one():
    robot = Robot()
    robot.ticks(3)
    driver = robot.bench.drivers[0]
    driver.blocked = {"lift"}
    robot.control.go_to(np.array([12.0, 30.0]), "a physical reset", robot.bench.now_ns)
    robot.ticks(150)
    assert robot.state == "homing"
    driver.blocked = set()
    robot.ticks(10)
    assert (robot.state, robot.control.states.reason) == ("holding", "the pose is reached")
    driver.blocked = {"lift"}
    robot.control.go_to(np.array([12.0, 40.0]), "a physical reset", robot.bench.now_ns)
    robot.ticks(300)
    reason = "the pose was not reached: lift is at 30 deg, not 40 deg"
    assert (robot.state, robot.control.states.reason) == ("holding", reason)
    assert robot.bench.got[-1][1]["lift.pos"] == pytest.approx(30.0, abs=0.1)


def test_a_joint_without_a_goal_is_not_judged_and_a_command_on_the_way_is_refused_for_homing():
    robot = Robot()
    robot.ticks(3)
    robot.bench.drivers[0].blocked = {"lift"}
    robot.ticks(40, [10.0, 30.0])
    robot.control.go_to(np.array([12.0, np.nan]), "parking", robot.bench.now_ns)
    refused = [robot.tick([12.0, 30.0]).refused for _ in range(60)]
    assert (set(refused), refused[-1]) == ({"homing", ""}, "")
    assert robot.control.warnings() == []


def test_the_time_to_arrive_begins_again_after_readings_were_missing():
    robot = Robot()
    robot.ticks(3)
    driver = robot.bench.drivers[0]
    driver.blocked = {"lift"}
    robot.control.go_to(np.array([12.0, 30.0]), "a physical reset", robot.bench.now_ns)
    robot.ticks(100)
    robot.ticks(150, cycle=False)
    robot.ticks(30)
    assert robot.state == "homing", robot.control.states.reason


def test_a_dry_run_reaches_a_pose_when_the_motion_to_it_has_ended():
    robot = Robot(dry_run=True)
    robot.ticks(3)
    robot.bench.drivers[0].blocked = {"pan", "lift"}
    robot.control.go_to(np.array([12.0, 30.0]), "a physical reset", robot.bench.now_ns)
    robot.ticks(60)
    assert (robot.state, robot.control.states.reason) == ("holding", "the pose is reached")


def test_a_device_that_is_given_up_fails_the_plant():
    robot = Robot(problem="the device takes gripper.pos, which the graph does not command")
    robot.tick()
    with pytest.raises(NodeError, match=r"cannot be used: the device takes gripper\.pos"):
        robot.tick()


def test_a_reading_that_is_no_number_stops_the_robot():
    robot = Robot()
    robot.ticks(3)
    robot.ticks(5, [10.0, 20.0])
    robot.bench.drivers[0].position["pan"] = float("nan")
    robot.ticks(3, [10.0, 20.0])
    assert robot.state == "stale"


@pytest.mark.parametrize(("found_at", "holds_at"), [(23.0, 25.0), (80.0, 80.0)])
def test_a_hold_after_a_stop_is_at_the_last_goal_or_where_the_robot_was_moved_to(found_at, holds_at):
    robot = Robot()
    robot.ticks(3)
    robot.ticks(40, [15.0, 25.0])
    driver = robot.bench.drivers[0]
    robot.control.stop("button", robot.bench.now_ns)
    driver.position["lift"] = driver.goal["lift"] = found_at
    robot.ticks(3)
    robot.control.reset(robot.bench.now_ns)
    robot.ticks(2)
    assert robot.bench.got[-1][1]["lift.pos"] == pytest.approx(holds_at)


def test_a_driver_that_knows_the_ages_of_its_readings_makes_the_robot_stale_when_they_are_old():
    robot = Robot()
    robot.control._cameras = {"wrist": 1_000_000_000}
    robot.ticks(5, [10.5, 20.5])
    assert robot.state == "running"
    ages = {"pan.pos": 50_000_000, "lift.pos": 150_000_000, "wrist": 50_000_000}
    life = robot.bench.lives[-1]
    life._ages_ns = lambda: ages
    robot.ticks(2, [10.5, 20.5])
    assert (robot.state, robot.control.states.reason) == ("stale", "the device is silent")
    ages["lift.pos"], ages["wrist"] = 50_000_000, 1_100_000_000
    robot.ticks(2, [10.5, 20.5])
    assert (robot.state, robot.control.states.reason) == ("stale", "camera wrist is silent")
    ages["wrist"] = 900_000_000
    robot.ticks(2, [10.5, 20.5])
    assert robot.state == "running"
    assert robot.control.sample.captured_at("wrist") == robot.control.sample.captured_ns - 900_000_000
