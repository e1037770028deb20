import re
from types import SimpleNamespace

import numpy as np
import pytest
from support import robot_device, servo_bus
from support.fake_device import Bench
from support.host import HandHost
from support.launching import FILES

from rtgraph.graphs import load_launch
from rtgraph.msgs import Decision, EStop
from rtgraph.msgs.errors import GraphError, NodeError
from rtgraph.nodes.robot import Robot, RobotParams, SimulatedRobot
from rtgraph.nodes.robot.params import spec_of
from rtgraph.nodes.runtime import LaunchContext

PERIOD_NS = 10_000_000
JOINTS = {
    "pan": {"range": [-90, 90], "speed": 60, "acceleration": 600, "park": 0},
    "lift": {"range": [0, 90], "speed": 60, "acceleration": 600, "park": 5},
}
NOT_PARKED = {"pan": JOINTS["pan"], "lift": {**JOINTS["lift"], "park": None}}
PARAMS = {"driver": "support.robot_device:SimulatedDriver", "rate_hz": 100.0, "joints": JOINTS}
PTY = {**PARAMS, "driver": "support.robot_device:PtyDriver", "driver_params": {"port": "/nowhere"}}


def robot(**params):
    host = HandHost(SimulatedRobot, {**PARAMS, **params}, name="plant")
    host.begin()
    return host


def run(host, ticks, values=None):
    """Run ticks, each with a decision on the newest observation."""
    for number in range(ticks):
        host.run_until(host.clock.time_ns + PERIOD_NS)
        if values is not None:
            decision = Decision(
                worker="w/0", number=number, action=np.array(values, np.float32), began_ns=0, inference_ns=0
            )
            host.deliver("decision", decision, source="w/0", of=host.messages("observation")[-1])
    return host.messages("applied")


def test_requested_and_sent_action_are_recorded_with_the_capture_time():
    host = robot()
    applied = run(host, 10, [20.0, 25.0])[-1]
    assert applied.by == "policy"
    assert applied.action.tolist() == [20.0, 25.0]
    assert 10.0 < applied.sent[0] < 20.0
    observation = host.messages("observation")[-1]
    assert observation.captured_ns == {"": host.clock.time_ns}
    assert observation.value.dtype == np.float32


def test_without_decisions_the_robot_holds_its_position_whatever_the_policy_did():
    host = robot()
    run(host, 30, [20.0, 25.0])
    applied = run(host, 60)
    assert {a.by for a in applied[-50:]} == {"default"}
    held = [a.action.tolist() for a in applied[-20:]]
    assert held == [held[0]] * 20
    assert held[0] == pytest.approx([20.0, 25.0], abs=3.0)


def sent_positions(applied):
    return np.array([one.action if one.sent is None else one.sent for one in applied], np.float64)


@pytest.mark.parametrize("gate", ["latest", "playout"])
@pytest.mark.parametrize("back", [[12.0, 22.0], [25.0, 30.0], [80.0, 80.0]])
def test_a_policy_that_stalled_and_comes_back_moves_the_robot_without_a_jump(gate, back):
    host = robot(gate={"kind": gate})
    run(host, 60, [20.0, 25.0])
    run(host, 150)  # a stall of 1.5 s
    held = sent_positions(host.messages("applied"))[-100:]
    assert np.ptp(held, axis=0).max() < 1e-6
    applied = run(host, 200, back)
    steps = np.abs(np.diff(sent_positions(applied), axis=0))
    assert steps.max() <= 60 / 100 + 1e-4  # 60 degrees per second at 100 Hz
    assert np.abs(np.diff(sent_positions(applied), 2, axis=0)).max() <= 600 / 100**2 + 1e-4
    near = back != [80.0, 80.0]
    assert np.allclose(sent_positions(applied)[-1], back if near else held[-1], atol=0.01)
    assert host.messages("robot")[-1].state == ("running" if near else "stale")


def test_a_decision_that_the_rules_refuse_counts_as_refused_and_the_default_acts():
    applied = run(robot(), 10, [80.0, 80.0])[-1]
    assert (applied.by, applied.refused, applied.decision) == ("default", 1, None)


def test_any_command_resumes_if_the_graph_says_so():
    applied = run(robot(resume_within_s=None), 10, [80.0, 80.0])[-1]
    assert applied.by == "policy"
    assert 10.0 < applied.sent[0] < 13.0


def test_a_run_in_which_every_command_is_refused_is_a_failure():
    host = robot()
    run(host, 20, [80.0, 80.0])
    assert host.node.failure() == "all 19 commands were refused: 19 far"


def real(monkeypatch, bench):
    """Return a plant with a link without threads, before its first tick."""
    monkeypatch.setattr(Robot, "hardware", False)
    host = HandHost(Robot, PTY, name="plant", launch_context=LaunchContext(realtime=True))
    monkeypatch.setattr(Robot, "connection", lambda *_: bench.link)
    host.begin()
    return host


def test_a_launch_in_which_the_device_never_connected_has_failed(monkeypatch):
    bench = Bench()
    host = real(monkeypatch, bench)
    host.run_until(PERIOD_NS)
    assert host.node.failure() == "the device never connected: waiting for the device"
    bench.raises["connect"] = OSError("no port")
    assert not bench.lives[-1].open()
    host.run_until(5 * PERIOD_NS)
    assert host.node.failure() == "the device never connected: connect: OSError: no port"
    assert "warnings" not in host.node.result()
    bench.raises.clear()
    bench.later(10**9)
    assert bench.lives[-1].open()
    host.run_until(8 * PERIOD_NS)
    assert host.node.failure() == ""
    assert host.node.result()["warnings"] == ["the device failed once, last: connect: OSError: no port"]


def test_a_device_that_is_gone_at_the_end_is_a_warning(monkeypatch):
    bench = Bench()
    host = real(monkeypatch, bench)
    bench.lives[-1].open()
    host.run_until(3 * PERIOD_NS)
    assert "warnings" not in host.node.result()
    bench.raises["get_observation"] = OSError("gone")
    while bench.turn():
        pass
    host.run_until(5 * PERIOD_NS)
    reason = "get_observation: OSError: gone, 3 times in a row"
    assert host.node.result()["warnings"] == [
        f"the device failed once, last: {reason}; it was not connected at the end"
    ]
    assert host.node.failure() == ""


def test_lateness_is_that_of_the_ticks_beginning_whatever_the_device_does_then(monkeypatch):
    host = robot()
    run(host, 3)
    attend = host.node._control.attend

    def slow(now_ns):
        host.clock.time_ns += 300_000
        return attend(now_ns)

    monkeypatch.setattr(host.node._control, "attend", slow)
    assert [one.lateness_ns for one in run(host, 3)[-3:]] == [0, 0, 0]


def test_decisions_of_a_person_that_do_not_fit_are_counted():
    host = robot()
    run(host, 3)
    for number, values in enumerate(([np.nan, 20.0], [10.0, 20.0])):
        decision = Decision(
            worker="hand", number=number, action=np.array(values, np.float32), began_ns=0, inference_ns=0
        )
        host.deliver("takeover", decision, source="hand", of=host.messages("observation")[-1])
    assert run(host, 1)[-1].refused == 1


def late(host, ticks, age_ticks, values=(12.0, 22.0)):
    """Run ticks, each with a decision that arrives ``age_ticks`` ticks after its observation."""
    for number in range(ticks):
        host.run_until(host.clock.time_ns + PERIOD_NS)
        observation = host.messages("observation")[
            -1 - min(age_ticks - 1, len(host.messages("observation")) - 1)
        ]
        decision = Decision(
            worker="w/0", number=number, action=np.array(values, np.float32), began_ns=0, inference_ns=0
        )
        host.deliver("decision", decision, source="w/0", of=observation)
    return host.messages("applied")[-1], host.messages("robot")[-1]


def test_a_delay_above_its_bound_makes_the_robot_stale_until_it_is_below():
    host = robot(gate={"kind": "playout", "most_ticks": 5})
    assert late(host, 30, 2)[1].state == "running"
    applied, state = late(host, 60, 9)
    assert (applied.by, applied.delay_ticks) == ("default", 5)
    assert (state.state, state.reason) == (
        "stale",
        "no valid command: the playout delay is 9 ticks, and at most 5 are allowed",
    )
    applied, state = late(host, 440, 2)
    assert (applied.by, state.state) == ("policy", "running")


def test_decisions_older_than_the_gate_allows_make_the_robot_stale_and_say_why():
    host = robot(gate={"kind": "latest", "max_age_ms": 50})
    late(host, 30, 2)
    applied, state = late(host, 30, 9)
    assert (applied.by, applied.late) == ("default", 1)
    assert (state.state, state.reason) == (
        "stale",
        "no valid command: decisions are older than max_age_ms (50)",
    )
    assert late(host, 30, 2)[1].state == "running"


def test_a_robot_that_never_moves_says_why():
    host = robot()
    run(host, 30, [80.0, 80.0])
    state = host.messages("robot")[-1]
    assert (state.state, state.reason) == (
        "stale",
        "no valid command: it is too far from the robot's position",
    )
    assert len(host.messages("robot")) < 5


def test_states_are_published_on_change_and_twice_a_second():
    host = robot()
    run(host, 200, [12.0, 22.0])
    states = host.messages("robot")
    assert [state.state for state in states][:2] == ["holding", "running"]
    assert 4 <= sum(state.state == "running" for state in states) <= 6


def test_an_estop_message_stops_the_robot_at_its_tick_and_a_reset_frees_it():
    host = robot()
    run(host, 20, [20.0, 25.0])
    goal = dict(host.node._control.connection.driver.goal)
    host.deliver("estop", EStop(reason="button"), source="button")
    run(host, 20, [20.0, 25.0])
    assert host.messages("robot")[-1].state == "stopped"
    assert host.node._control.connection.driver.goal == goal
    host.deliver("estop", EStop(reset=True), source="button")
    run(host, 20, [20.0, 25.0])
    assert host.messages("robot")[-1].state == "running"


def test_a_stop_from_the_socket_takes_the_torque_before_the_next_tick():
    host = robot(estop="torque_off")
    run(host, 5)
    bench = Bench().up()
    host.node._control.connection = bench.link
    bench.link.post({"pan.pos": 1.0, "lift.pos": 2.0}, bench.now_ns)
    host.node._stop_now("button")
    bench.turn()
    assert bench.drivers[0].torque == [False]
    assert bench.got == [], "a command that waited was sent"


def test_a_stop_and_its_reset_within_one_tick_free_the_robot():
    host = robot()
    run(host, 20, [20.0, 25.0])
    host.node._stop_now("button")
    host.node._ask_reset()
    run(host, 20, [20.0, 25.0])
    assert host.messages("robot")[-1].state == "running"
    assert host.node._control.connection.is_free()


def ending(monkeypatch, **params):
    """Return the host of a plant that ticks no more, and its fake device, which moves while the plant waits in ``_tick_until``."""
    monkeypatch.setattr(Robot, "hardware", False)
    context = LaunchContext(realtime=True, stop_s=10.0)
    host = HandHost(Robot, {**PTY, **params}, name="plant", launch_context=context)
    node, bench = host.node, Bench().up()
    node.environment()
    node._link = node._control.connection = bench.link
    node._asked, node._asked_reset = "", False

    class Pause:
        def wait(self, period_s):
            host.clock.time_ns += round(period_s * 1e9)
            bench.now_ns = host.clock.time_ns
            bench.turn()
            bench.drivers[0].step(period_s)

    monkeypatch.setattr("rtgraph.nodes.robot.robot.threading", SimpleNamespace(Event=Pause))
    host.clock.time_ns = bench.now_ns
    bench.turn()
    node._control.attend(bench.now_ns)
    bench.turn()
    return host, bench


@pytest.mark.parametrize("fails", [True, False])
def test_the_log_says_whether_the_torque_is_off_at_the_end(fails, caplog, monkeypatch):
    caplog.set_level("INFO")
    host, bench = ending(monkeypatch)
    if fails:
        bench.raises["set_torque"] = OSError("noise")
    host.node._come_to_rest("torque_off", "an error")
    assert ("its torque was switched off" in caplog.text) is not fails
    assert ("the torque could not be switched off: set_torque: OSError: noise" in caplog.text) is fails


@pytest.mark.parametrize(
    ("blocked", "params", "torque", "logged"),
    [
        ((), {}, [True, False], "the robot is parked, its torque was switched off"),
        (("lift",), {}, [True], "the park pose was not reached: lift is at 20 deg, not 5 deg"),
        (
            ("lift",),
            {"joints": NOT_PARKED},
            [True, False],
            "the robot is parked, its torque was switched off",
        ),
        ((), {"dry_run": True}, [True], "the robot is left where it is, its torque is as it was"),
    ],
)
def test_the_torque_is_switched_off_only_if_the_readings_have_reached_the_park_pose(
    blocked, params, torque, logged, caplog, monkeypatch
):
    caplog.set_level("INFO")
    host, bench = ending(monkeypatch, **params)
    bench.drivers[0].blocked |= set(blocked)
    if params.get("joints"):  # it is away from the position sent last, and has no park pose
        host.node._control.safety.begin(np.array([0.0, 50.0]))
    host.node._come_to_rest("park", "the launch ends")
    assert logged in caplog.text
    assert bench.drivers[0].torque == torque
    if torque == [True] and blocked:
        # It no longer pushes against what blocks it.
        assert bench.got[-1][1] == pytest.approx({"pan.pos": 0.0, "lift.pos": 20.0})
        assert host.node._control.warnings() == [
            "the robot missed a pose once, last: lift is at 20 deg, not 5 deg"
        ]


def test_reach_resets_by_moving_slowly_and_ends_by_truncation():
    host = robot(task="reach", task_params={"time_limit_s": 0.5}, homing_speed=1.0)
    run(host, 600)
    ends = host.messages("episode")
    assert ends
    assert {(end.terminated, end.truncated) for end in ends} == {(False, True)}
    observation = host.messages("observation")[-1]
    assert observation.value.shape == (4,)
    assert -1 < min(o.reward for o in host.messages("observation")) < 0
    states = {state.state for state in host.messages("robot")}
    assert {"homing", "holding"} <= states


def test_the_spec_names_joints_units_and_the_kind_of_command():
    spec = spec_of(RobotParams.model_validate({**PARAMS, "task": "reach", "cameras": {"wrist": [8, 8, 3]}}))
    assert spec.action.names == ("pan", "lift")
    assert spec.action.command == "position"
    assert spec.parts["joints"].names == ("pan.pos", "lift.pos", "pan.target", "lift.target")
    assert spec.parts["wrist"].shape == (8, 8, 3)


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"joints": {"pan": {"range": [0, 1]}}}, r"limits are missing: pan \(speed, acceleration\)"),
        ({"joints": {}}, "there are no joints"),
        ({"default": "noop"}, "the default behaviour cannot be noop for a robot with position commands"),
        (
            {"default": "zero"},
            "the default behaviour zero means zero velocity, so it needs velocity commands. hint: set default: hold, or command: velocity",
        ),
        ({"task": "dance"}, "unknown task 'dance'. hint: use free, reach"),
        (
            {"moves": {"joints": ["pan"]}, "default": "repeat_last"},
            "`moves` turns actions into goal positions, so it needs position commands",
        ),
        ({"task_params": {"called": 1}}, "unexpected keyword argument 'called'"),
        ({"moves": {"joints": ["elbow"]}}, "`moves.joints` has joints that the robot does not have: elbow"),
        (
            {"task": "reach", "task_params": {"speed": 1}},
            "does not take these task_params: got an unexpected keyword",
        ),
        ({"driver": "support.robot_device:Peer"}, "has no method connect"),
        ({"driver_params": {}}, "does not take these driver_params"),
        ({"driver": "nowhere:Driver"}, "cannot be loaded"),
        (
            {"joints": {"wheel": {"range": "endless", "speed": 1, "acceleration": 1}}},
            None,
        ),
    ],
)
def test_check_refuses_what_a_robot_must_not_be_started_with(params, problem):
    checked = RobotParams.model_validate({**PTY, **params})
    if problem is None:
        with pytest.raises(NodeError, match="endless joints need velocity commands"):
            Robot.spec(checked)
        return
    with pytest.raises(NodeError, match=problem):
        Robot.check(checked)


SERVO = {
    "driver": "rtgraph.nodes.robot.servo:ServoArm",
    "driver_params": {"port": "/nowhere", "cameras": {"front": {"source": 0, "size": [84, 96]}}},
    "joints": dict.fromkeys(servo_bus.JOINTS, JOINTS["pan"]),
}
TWIN = {
    "driver": "rtgraph.nodes.robot.twin:Twin",
    "driver_params": {"cameras": {"front": [84, 96, 3]}},
    "joints": SERVO["joints"],
}


@pytest.mark.parametrize(("node", "device"), [(Robot, SERVO), (SimulatedRobot, TWIN)])
@pytest.mark.parametrize(
    ("cameras", "problem"),
    [
        ({"front": (84, 96, 3)}, ""),
        ({}, ""),
        ({"wrist": (84, 96, 3)}, "does not give camera 'wrist' of the graph. hint: the driver gives front"),
        ({"front": (84, 84, 3)}, "gives camera 'front' as 84 × 96 × 3, and the graph describes 84 × 84 × 3"),
    ],
)
def test_check_compares_the_cameras_of_device_and_graph(node, device, cameras, problem):
    params = RobotParams.model_validate({**device, "cameras": cameras})
    if not problem:
        node.check(params)
        return
    with pytest.raises(NodeError, match=problem):
        node.check(params)


def test_check_and_spec_make_no_driver(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a driver was made")

    monkeypatch.setattr(robot_device.PtyDriver, "__init__", refuse)
    params = RobotParams.model_validate({**PTY, "driver_params": {}})
    Robot.check(params)
    Robot.spec(params)


def test_hardware_is_made_by_no_world_but_its_own_process():
    with pytest.raises(NodeError, match="drives a device, and runs only in its own process in real time"):
        HandHost(Robot, PTY, name="plant")


def test_a_robot_never_catches_up_and_its_gate_bounds_ages():
    with pytest.raises(ValueError, match="catch_up_ticks"):
        RobotParams.model_validate({**PTY, "catch_up_ticks": 3})
    assert RobotParams.model_validate({**PTY, "gate": {"kind": "playout"}}).gate.max_age_ms == 500.0


def test_a_simulated_robot_is_planned_in_the_virtual_world_where_hardware_is_refused():
    file = FILES / "robot.yaml"
    simulated = {"kind": "SimulatedRobot", "driver": PARAMS["driver"]}
    assert load_launch(str(file), simulated, world="virtual").world == "virtual"
    with pytest.raises(GraphError, match="'plant' drives a device, so it cannot run in the virtual world"):
        load_launch(str(file), {"driver_params": '{"port": "/nowhere"}'}, world="virtual")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            {"task": "reach", "command": "velocity"},
            "nodes.plant.params: the task 'reach' moves the robot to a pose, so it needs position commands. "
            "hint: set command: position, or another task",
        ),
        (
            {"task": "support.robots:Failing", "task_params": '{"tick": 1}'},
            "nodes.plant.params: task 'support.robots:Failing' does not take these task_params: "
            "got an unexpected keyword argument 'tick'",
        ),
        (
            {"task": "support.robots:Failing", "task_params": '{"ticks": "ten"}'},
            "nodes.plant.params: SimulatedRobot.check failed: ",
        ),
    ],
)
def test_a_task_that_cannot_run_is_refused_with_its_line_and_a_user_sees_whether_the_fault_is_in_the_task(
    arguments, problem
):
    simulated = {"kind": "SimulatedRobot", "driver": PARAMS["driver"]}
    with pytest.raises(GraphError) as error:
        load_launch(str(FILES / "robot.yaml"), {**simulated, **arguments}, world="virtual")
    assert re.search(r"robot_graph\.yaml:\d+: ", str(error.value))
    assert problem in str(error.value)


def test_moves_without_a_speed_are_of_the_same_world_as_with_the_default():
    def identity(speed):
        params = RobotParams.model_validate({**PARAMS, "moves": {"joints": ["pan"], "speed": speed}})
        return SimulatedRobot.identity(params), Robot.identity(params)

    assert identity(None) == (identity(1.0)[0], identity(0.2)[1])
    assert identity(None) != identity(0.5)


def test_torques_are_refused_in_one_sentence():
    with pytest.raises(
        ValueError,
        match="torque commands are not supported: no safety rule keeps a joint under torque within",
    ):
        RobotParams.model_validate({**PARAMS, "command": "torque"})


@pytest.mark.parametrize("real", [True, False])
def test_discrete_moves_are_slow_on_a_real_robot_alone(real, monkeypatch):
    host = HandHost(SimulatedRobot, {**PARAMS, "moves": {"joints": ["pan"], "speed": None}}, name="plant")
    monkeypatch.setattr(SimulatedRobot, "hardware", real)  # after the host has refused it
    host.begin()
    for number in range(40):
        host.run_until(host.clock.time_ns + PERIOD_NS)
        decision = Decision(worker="w/0", number=number, action=1, began_ns=0, inference_ns=0)
        host.deliver("decision", decision, source="w/0", of=host.messages("observation")[-1])
    speed = host.node._control.safety.velocity[0]
    assert speed == pytest.approx(12.0 if real else 60.0, rel=0.15)
