"""Arms of Feetech STS3215 servos, such as SO-100 and SO-101: bus, calibration and driver."""

from rtgraph.nodes.robot.servo.arm import ServoArm
from rtgraph.nodes.robot.servo.bus import ServoBus
from rtgraph.nodes.robot.servo.calibration import Calibration, JointCalibration

__all__ = ["Calibration", "JointCalibration", "ServoArm", "ServoBus"]
