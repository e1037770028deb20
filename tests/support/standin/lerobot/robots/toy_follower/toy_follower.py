"""Two joints, a wheel and a camera on a bus of motors. The file ``port`` says how it behaves, line by line."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lerobot.robots.config import RobotConfig

MOTORS = ("pan", "lift")


@RobotConfig.register_subclass("toy_follower")
@dataclass(kw_only=True)
class ToyFollowerConfig(RobotConfig):
    port: str
    disable_torque_on_disconnect: bool = True


class Bus:
    """Logs what is written, beside the port."""

    def __init__(self, port):
        self.log = Path(f"{port}.log")
        self.values = {name: dict.fromkeys(MOTORS, 0) for name in ("Torque_Enable", "Goal_Position")}
        self.values["Present_Position"] = {"pan": 10, "lift": 20}

    def note(self, line):
        with self.log.open("a") as file:
            file.write(f"{line}\n")

    def sync_read(self, name, *, normalize=True):
        return dict(self.values[name])

    def write(self, name, motor, value, *, normalize=True):
        self.note(f"{name} {motor} {value}")
        self.values[name][motor] = value

    def enable_torque(self, motors=None):
        for motor in [motors] if motors else MOTORS:
            self.write("Torque_Enable", motor, 1)

    def disable_torque(self, motors=None):
        for motor in [motors] if motors else MOTORS:
            self.write("Torque_Enable", motor, 0)

    @contextlib.contextmanager
    def torque_disabled(self):
        self.disable_torque()
        try:
            yield
        finally:
            self.enable_torque()


class ToyFollower:
    name = "toy_follower"

    def __init__(self, config):
        self.config, self.id = config, config.id
        self.calibration_fpath = f"{config.id}.json"
        self.is_connected = False
        self.bus = Bus(config.port)

    @property
    def observation_features(self):
        return {"pan.pos": float, "lift.pos": float, "front": (4, 6, 3)}

    @property
    def action_features(self):
        return {"pan.pos": float, "lift.pos": float, "wheel.vel": float}

    @property
    def is_calibrated(self):
        return "uncalibrated" not in self._mood()

    def connect(self, calibrate=True):
        if "absent" in self._mood():
            raise ConnectionError("Could not connect\non port")
        if calibrate and not self.is_calibrated:
            input("Move the robot ...")
        self.is_connected = True
        self.configure()

    def configure(self):
        with self.bus.torque_disabled():
            self.bus.note("configured")

    def get_observation(self):
        mood = self._mood()
        while "busy" in mood:
            mood = self._mood()
        if "gone" in mood:
            import termios

            raise termios.error(5, "Input/output error")
        if "dead" in mood:
            os._exit(7)
        picture = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)
        return {"pan.pos": np.float32(10), "lift.pos": 20.0, "front": picture, "extra": "text"}

    def send_action(self, action):
        self.bus.note(f"sent {sorted(action.items())}")
        return {**action, "pan.pos": min(action["pan.pos"], 15.0)}

    def disconnect(self):
        self.bus.note(f"disconnected {self.config.disable_torque_on_disconnect}")
        self.is_connected = False

    def _mood(self):
        return Path(self.config.port).read_text().split()
