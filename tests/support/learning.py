"""Learning messages from a node that follows a script, for tests of their subscribers."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rtgraph.msgs import Decision, Ending, EpisodeEnd, Learned, Lineage, ReplayState, WeightsVersion
from rtgraph.nodes.runtime import InputPlan, LaunchContext, Node, NodePlan, Output, Params, VirtualWorld
from rtgraph.nodes.runtime.virtual.faults import Fault

TICK_NS = 10_000_000
EVERY = 4
"""Ticks between updates."""
EPISODE_TICKS = 50
SAMPLES = 16


class ToldParams(Params):
    """Parameters of the script."""

    ticks: int
    learns: bool = True
    late_ns: int = 0
    """Delay of endings, which otherwise come just before the end of the episode."""
    endings: bool = False
    """Say that every third episode was won, and the others lost; the first four at "battle1", then at "battle2"."""


class Teller(Node[ToldParams]):
    """Ticks at 100 Hz, ends an episode every 50 ticks with its number minus 2 as return, and learns every 4 ticks.

    Every tick has a decision, made with the version before the newest; every tenth decision is exploration.
    """

    ending = Output(Ending)
    episode = Output(EpisodeEnd)
    learned = Output(Learned)
    replay_state = Output(ReplayState)
    decision = Output(Decision)
    weights = Output(WeightsVersion)

    def on_start(self) -> None:
        self._tick = -1
        self._version = 0
        self.every(TICK_NS, self._on_tick)

    def _on_tick(self) -> None:
        self._tick += 1
        tick = self._tick
        if self.params.learns and tick % EVERY == EVERY - 1:
            self._version += 1
            self.learned.publish(told_update(self._version, tick + 1))
        origin = Lineage(
            source="plant", incarnation=0, sequence=tick, stamp_ns=self.now_ns, tick=tick, episode=0
        )
        self.decision.publish(
            Decision(
                worker="worker/0",
                number=tick,
                action=0,
                began_ns=self.now_ns,
                inference_ns=0,
                policy_version=max(0, self._version - 1),
                explored=tick % 10 == 0,
            ),
            of=origin,
        )
        if tick % EPISODE_TICKS == EPISODE_TICKS - 1:
            number = tick // EPISODE_TICKS
            if self.params.endings:
                self._say(
                    Ending(
                        tick=tick,
                        episode=number,
                        reason="lost" if number % 3 else "won",
                        encounter="battle1" if number < 4 else "battle2",
                        ticks=EPISODE_TICKS - 1,
                        actions=number,
                        measurements={"score": 10.0 * number},
                    )
                )
            self.episode.publish(
                EpisodeEnd(
                    tick=tick,
                    episode=number,
                    ticks=EPISODE_TICKS - 1,
                    total_reward=number - 2.0,
                    terminated=True,
                    truncated=False,
                )
            )
            self.replay_state.publish(told_state(tick))
        if tick + 1 == self.params.ticks:
            self.finish(f"{tick + 1} ticks")

    def _say(self, ending: Ending) -> None:
        if self.params.late_ns:
            self._late = ending
            self.after(self.params.late_ns, self._say_late)
        else:
            self.ending.publish(ending)

    def _say_late(self) -> None:
        self.ending.publish(self._late)


def told_update(version: int, ticks: int) -> Learned:
    """Return an update with the loss 1 / version."""
    return Learned(
        version=version,
        learner="learner",
        loss=1 / version,
        q_mean=0.5,
        gradient_norm=2.0,
        samples=SAMPLES,
        update_ns=1,
        ticks=ticks,
    )


def told_state(tick: int) -> ReplayState:
    """Return the state of a replay memory that holds one transition per tick."""
    counts = dict.fromkeys(("capacity", "frames", "size_bytes", "inserted", "sampled", "waiting"), 0)
    return ReplayState(transitions=tick, ticks=tick, **counts)


def learning_world(
    ticks: int,
    directory: Path | None,
    *,
    learns: bool = True,
    endings: bool = False,
    late_ns: int = 0,
    faults: Sequence[Fault] = (),
    **params: Any,
) -> VirtualWorld:
    """Return a world with a teller and the metrics node that subscribes to it."""
    ports = ("ending", "episode", "learned", "replay_state", "decision", "weights")
    teller = NodePlan(
        index=0,
        name="plant",
        node="support.learning:Teller",
        params={"ticks": ticks, "learns": learns, "endings": endings, "late_ns": late_ns},
        outputs={port: port for port in ports},
    )
    metrics = NodePlan(
        index=1,
        name="metrics",
        node="rtgraph.nodes.metrics:Metrics",
        params=params,
        inputs={port: InputPlan(topic=port, publishers=("plant",)) for port in ports},
        outputs={"learning": "learning"},
    )
    return VirtualWorld([teller, metrics], launch_context=LaunchContext(directory=directory), faults=faults)


def checkpoint_after(session: Path, ticks: int, number: int = 7) -> Path:
    """Write the parts of a checkpoint that non-learners read into a session folder; return its path."""
    folder = session / "checkpoints" / f"{number:06d}"
    folder.mkdir(parents=True)
    (folder / "facts.json").write_text(json.dumps({"version": ticks // EVERY, "extra": {"ticks": ticks}}))
    return folder


def records(data: bytes) -> list[bytes]:
    """Return the records of an event file, each checked against both of its checksums (CRC-32C, masked)."""
    found = []
    while data:
        (length,), (length_sum,) = struct.unpack("<Q", data[:8]), struct.unpack("<I", data[8:12])
        assert length_sum == _masked(data[:8])
        record, (record_sum,) = data[12 : 12 + length], struct.unpack("<I", data[12 + length : 16 + length])
        assert record_sum == _masked(record)
        found.append(record)
        data = data[16 + length :]
    return found


def _masked(data: bytes) -> int:
    """Return TFRecord's checksum, computed bit by bit from the polynomial: slow, but independent of any table."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
