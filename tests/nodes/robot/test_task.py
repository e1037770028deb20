"""The task reach: where episodes begin, what is observed of the target, and what counts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.robot import JointParams, Limits
from rtgraph.nodes.robot.task import Reach

LIMITS = Limits.of(
    {
        name: JointParams(range=bounds, speed=40, acceleration=200)
        for name, bounds in {"pan": (-50, 50), "lift": (0, 100), "roll": (-10, 10)}.items()
    }
)
MIDDLE = [0, 50, 0]


def reach(**params):
    return Reach(LIMITS, 10.0, **params), np.random.default_rng(1)


def test_an_arm_that_stays_goes_to_the_middle_once_and_then_only_the_target_changes():
    task, rng = reach(start="stay")
    assert task.begin(rng).tolist() == MIDDLE
    first = task.observation(np.zeros(3))
    assert task.begin(rng) is None
    assert not np.array_equal(task.observation(np.zeros(3)), first)


def test_an_arm_that_takes_poses_gets_another_one_for_each_episode():
    task, rng = reach(joints=["lift"])
    poses = np.array([task.begin(rng) for _ in range(20)])
    assert poses[:, [0, 2]].tolist() == [[0, 0]] * 20, "only the joints that count are posed at random"
    assert len(np.unique(poses[:, 1])) == 20


def test_the_way_to_the_target_is_observed_and_only_the_joints_that_count_are_judged():
    task, rng = reach(joints=["pan", "roll"], relative=True, start="stay")
    task.begin(rng)
    assert task.observed == ("pan.offset", "roll.offset")
    pan, roll = task.observation(np.array([0.0, 99.0, 0.0]))
    assert task.observation(np.array([10.0, 0.0, -1.0])) == pytest.approx([pan - 10, roll + 1])
    at_target = np.array([pan, 99.0, roll])
    assert task.step(at_target, {}).reward == pytest.approx(0)
    assert task.step(np.add(at_target, [10, 0, 2]), {}).reward == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        (
            {"joints": ["elbow"]},
            "`joints` of the task 'reach' has joints that the robot does not have: elbow",
        ),
        ({"start": "anywhere"}, "the task 'reach' has the unknown start 'anywhere'. hint: use pose or stay"),
        ({"joints": "pan"}, "`joints` of the task 'reach' must be a list of one or more names, not 'pan'"),
        ({"joints": []}, r"`joints` of the task 'reach' must be a list of one or more names, not \[\]"),
        ({"margin": "0.1"}, "`margin` of the task 'reach' must be a number, not '0.1'"),
        ({"time_limit_s": 0}, "needs a finite time_limit_s above 0, not 0"),
        ({"time_limit_s": math.inf}, "needs a finite time_limit_s above 0, not inf"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(params, problem):
    with pytest.raises(NodeError, match=problem):
        reach(**params)
