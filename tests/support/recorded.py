"""Recordings for the exporters: a plant similar to Boxing with known numbers."""

import itertools
import json
from pathlib import Path

import numpy as np

from rtgraph.msgs import Applied, Decision, EpisodeEnd, Header, Message, Observation, Screen, encode
from rtgraph.msgs.bag.bag import Bag, Channel
from rtgraph.msgs.bag.writing.writer import Attachment, BagWriter
from rtgraph.msgs.wire.schemas import schema, schema_hash

EPOCH_NS = 1_795_000_000_000_000_000
PERIOD_NS = 20_000_000  # 50 Hz
PLAN = """\
nodes:
- name: plant
  spec: {rate_hz: 50.0, action: {kind: discrete, count: 3, names: [NOOP, LEFT, RIGHT]}}
"""


class Session:
    """Writes messages as a recorder does, and opens the recording."""

    def __init__(self, path: Path, *, epoch: bool = True, plan: str = PLAN) -> None:
        info = {"format": "1", "version": "0.1.0", "world": "realtime", "seed": "0", "name": "boxing"}
        if epoch:
            info["epoch_unix_ns"] = str(EPOCH_NS)
        self.path = path
        self._writer = BagWriter(
            path, info=info, attachments=[Attachment("plan.yaml", "application/yaml", plan.encode())]
        )
        self._sequences: dict[tuple[str, str, int], itertools.count[int]] = {}

    def put(
        self,
        topic: str,
        message: Message,
        stamp_ns: int,
        *,
        publisher: str = "plant",
        late_ns: int = 100_000,
        lineage=None,
        key: str = "",
        incarnation: int = 0,
    ) -> Message:
        """Record a message as received ``late_ns`` after it was published."""
        sequences = self._sequences.setdefault((topic, publisher, incarnation), itertools.count())
        header = Header(
            source=publisher,
            incarnation=incarnation,
            sequence=next(sequences),
            stamp_ns=stamp_ns,
            lineage=lineage,
        )
        message = message.stamped(header)
        channel = channel_of(topic, type(message), publisher, key)
        self._writer.write(channel, header.sequence, stamp_ns + late_ns, stamp_ns, encode(message))
        return message

    def garbage(self, topic: str, message_type: type[Message], log_ns: int) -> None:
        """Record bytes that are not a message."""
        self._writer.write(channel_of(topic, message_type, "plant", ""), 999, log_ns, log_ns, b"\xc1\xff")

    def open(self) -> Bag:
        """Finish the recording and open it."""
        self._writer.close()
        return Bag.open(self.path)


def channel_of(topic: str, message_type: type[Message], publisher: str, key: str) -> Channel:
    return Channel(
        topic=topic,
        publisher=publisher,
        port=topic.partition("/")[0],
        key=key,
        schema_name=message_type.schema_name,
        schema=json.dumps(schema(message_type)).encode(),
        schema_hash=schema_hash(message_type).hex(),
    )


def value_of(tick: int) -> np.ndarray:
    """Return the observation of a tick: grey, all different."""
    return np.full((84, 84), tick, np.uint8) + np.arange(84, dtype=np.uint8)


def image_of(tick: int) -> np.ndarray:
    """Return the screen of a tick: a red square that moves right over blue."""
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, :, 2] = 200
    image[10:20, tick : tick + 10] = (250, 0, 0)
    return image


def played(session: Session, ticks: int = 30, *, screen: bool = True, episode_ticks: int = 20) -> None:
    """Record a plant at 50 Hz: the first tick of each episode resets, every fifth one β acts, else worker/0."""
    for tick in range(ticks):
        stamp_ns = tick * PERIOD_NS
        episode, age = divmod(tick, episode_ticks)
        first = age == 0
        observed = Observation(
            tick=tick,
            episode=episode,
            first=first,
            value=value_of(tick),
            reward=0.0 if first else 0.5,
            terminated=age == episode_ticks - 1,
            measurements={} if first else {"speed": float(tick)},
        )
        origin = session.put("observation", observed, stamp_ns).origin()
        if screen:
            session.put("screen", Screen(tick=tick, episode=episode, image=image_of(tick)), stamp_ns)
        by = "reset" if first else "default" if tick % 5 == 0 else "policy"
        session.put("applied", applied(tick, episode, by, 0.0 if first else 0.5), stamp_ns, lineage=origin)
        if tick % 2:
            decision = Decision(
                worker="worker/0", number=tick, action=tick % 3, began_ns=stamp_ns, inference_ns=7_000_000
            )
            session.put("decision", decision, stamp_ns + 7_000_000, publisher="worker/0", lineage=origin)
        if age == episode_ticks - 1:
            end = EpisodeEnd(
                tick=tick,
                episode=episode,
                ticks=age,
                total_reward=0.5 * age,
                terminated=True,
                truncated=False,
            )
            session.put("episode", end, stamp_ns)


def applied(tick: int, episode: int, by: str, reward: float) -> Applied:
    acted = {"worker": "worker/0", "decision": tick, "age_ticks": 3, "age_ns": 3 * PERIOD_NS}
    return Applied(
        tick=tick,
        episode=episode,
        action=tick % 3,
        by=by,
        due_ns=tick * PERIOD_NS,
        lateness_ns=0,
        reward=reward,
        **(acted if by == "policy" else {}),
    )
