"""A recorded arm with joints and a camera, for the exporters: all numbers are known."""

import numpy as np
from support.recorded import PERIOD_NS

from rtgraph.msgs import Applied, Observation

ARM_PLAN = """\
name: arm
description: reach the target
nodes:
- name: plant
  params: {}
- name: worker/0
  params:
    plant:
      rate_hz: 50.0
      observation:
        parts:
          joints: {dtype: float32, shape: [2], unit: rad, names: [pan, lift]}
          wrist: {dtype: uint8, shape: [9, 11, 3]}
          load: {dtype: float64, shape: []}
      action: {kind: continuous, low: [-1, -1], high: [1, 1], names: [pan, lift], command: velocity}
"""


def joints_of(tick: int) -> np.ndarray:
    return np.array([tick / 7, -tick], np.float32)


def wrist_of(tick: int) -> np.ndarray:
    """Return the camera's picture of a tick, of odd size: noise, which no codec keeps by chance."""
    return np.random.default_rng(tick).integers(0, 256, (9, 11, 3), np.uint8)


def action_of(tick: int) -> np.ndarray:
    return np.array([tick / 3, 0.5])


def sent_of(tick: int) -> np.ndarray:
    return np.minimum(action_of(tick), 1.0)


def captured_of(tick: int) -> dict[str, int]:
    return {"joints": tick * PERIOD_NS - 1_000_000, "wrist": tick * PERIOD_NS - 9_000_000}


def moved(session, ticks: int = 12, *, episode_ticks: int = 12) -> None:
    """Record an arm at 50 Hz: from the fourth tick on, the plant sends less than asked for."""
    for tick in range(ticks):
        first = tick % episode_ticks == 0
        observed = Observation(
            tick=tick,
            episode=tick // episode_ticks,
            first=first,
            value={"joints": joints_of(tick), "wrist": wrist_of(tick), "load": np.array(tick / 9)},
            captured_ns=captured_of(tick),
            truncated=(tick + 1) % episode_ticks == 0,
        )
        session.put("observation", observed, tick * PERIOD_NS)
        sent = sent_of(tick)
        applied = Applied(
            tick=tick,
            episode=tick // episode_ticks,
            action=action_of(tick),
            by="reset" if first else "default",
            due_ns=tick * PERIOD_NS,
            lateness_ns=tick,
            sent=None if np.array_equal(sent, action_of(tick)) else sent,
        )
        session.put("applied", applied, tick * PERIOD_NS)
