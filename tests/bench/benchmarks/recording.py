"""Cost of recording: the recorder compared with a bare ``mcap`` writer, and the plant's lateness with and without it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from mcap.writer import Writer

from rtgraph.graphs import load_launch
from rtgraph.launch.console.status import Silent
from rtgraph.launch.file_options import FOLDERS
from rtgraph.launch.run import run as run_plan
from rtgraph.msgs import Observation, Screen, encode, schema_hash
from rtgraph.msgs.bag.format.channel import Channel
from rtgraph.msgs.bag.writing.storage import Storage, StoredMessage
from rtgraph.nodes.recorder.background import Background
from rtgraph.nodes.recorder.params import RecorderParams
from rtgraph.nodes.recorder.recorder import schema_text
from rtgraph.nodes.recorder.sinks import make_sink
from tests.bench.rounds import in_turn, seconds
from tests.bench.rows import Aim, Row, Say

WRITTEN_BYTES = 192 << 20
DIFFERENT = 64
"""Consecutive frames differ and resemble a game: large even areas, some noise."""
BATCH = 32
"""Number of messages that arrive before each look of the recorder."""
DURATION_S = 6.0


def run(rounds: int, say: Say) -> list[Row]:
    """Measure throughput by frame size, then lateness."""
    rows = []
    for name, make in (("7,056 B", _observation), ("100,800 B", _screen)):
        messages = [make(number) for number in range(DIFFERENT)]
        documents = [encode(message) for message in messages]
        channel = Channel(
            topic="frame",
            publisher="plant",
            port="frame",
            key="",
            schema_name=type(messages[0]).schema_name,
            schema=schema_text(type(messages[0])),
            schema_hash=schema_hash(type(messages[0])).hex(),
        )
        count = WRITTEN_BYTES // len(documents[0])

        def ours(
            number: int,
            name: str = name,
            channel: Channel = channel,
            count: int = count,
            documents: list[bytes] = documents,
        ) -> float:
            say(f"{name}, round {number + 1} of {rounds}: recorder")
            return _mib_per_s(_recorder, channel, documents, count)

        def peer(
            number: int,
            name: str = name,
            channel: Channel = channel,
            count: int = count,
            documents: list[bytes] = documents,
        ) -> float:
            say(f"{name}, round {number + 1} of {rounds}: mcap")
            return _mib_per_s(_bare, channel, documents, count)

        mine, theirs = in_turn(rounds, ours, peer)
        rows.append(
            Row.compared(
                f"written, {name}",
                "MiB/s",
                mine,
                "bare mcap writer",
                theirs,
                more_is_better=True,
                note="queue, thread, account of losses, zstd (level 1; mcap's own is 3), file; chunks of 1 MiB",
                aim=Aim("≥ 0.8 x"),
            )
        )
    recorded, alone = in_turn(
        rounds, lambda n: _lateness(n, say, record=True), lambda n: _lateness(n, say, record=False)
    )
    rows += [
        Row.compared(
            f"plant, {quantile}",
            "ms late",
            [found[quantile] for found in recorded],
            "not recorded",
            [found[quantile] for found in alone],
            note=f"Boxing with its screen, {DURATION_S:.0f} s each",
            aim=Aim("≤ 1.5 x, or 0.3 ms more") if quantile == "p99" else None,
        )
        for quantile in ("p50", "p99")
    ]
    return rows


def _mib_per_s(write: Any, channel: Channel, documents: list[bytes], count: int) -> float:
    with tempfile.TemporaryDirectory(prefix="rtgraph-bench-") as folder:
        took_s = seconds(lambda: write(Path(folder) / "bench.mcap", channel, documents, count))
    return count * len(documents[0]) / took_s / 2**20


def _recorder(path: Path, channel: Channel, documents: list[bytes], count: int) -> None:
    storage = Background(Storage(make_sink(path, RecorderParams(), {}, [])))
    for first in range(0, count, BATCH):
        numbers = range(first, min(count, first + BATCH))
        storage.write([StoredMessage(channel, 0, n, n, n, documents[n % DIFFERENT]) for n in numbers])
    storage.close({})


def _bare(path: Path, channel: Channel, documents: list[bytes], count: int) -> None:
    with open(path, "wb") as file:
        writer = Writer(file)
        writer.start("bench")
        schema = writer.register_schema(channel.schema_name, "jsonschema", channel.schema)
        number_of = writer.register_channel(channel.topic, "msgpack", schema)
        for number in range(count):
            writer.add_message(number_of, number, documents[number % DIFFERENT], number, number)
        writer.finish()


def _lateness(number: int, say: Say, *, record: bool) -> dict[str, float]:
    say(f"lateness, round {number + 1}: {'recorded' if record else 'not recorded'}")
    plan = load_launch(
        "boxing",
        {"k": "0.0625", "screen": "true"},
        duration_s=DURATION_S,
        record=record,
        folders=FOLDERS,
    )
    with tempfile.TemporaryDirectory(prefix="rtgraph-bench-") as folder:
        found: dict[str, float] = run_plan(plan, Silent(), directory=Path(folder) / "out").summary[
            "tick_lateness_ms"
        ]
    return found


def _game(number: int, *shape: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    generator = np.random.default_rng(number)
    picture = np.full(shape, 110, np.uint8)
    picture[: shape[0] // 5] = 30
    for _ in range(6):
        top, left = (int(generator.integers(0, length - 8)) for length in shape[:2])
        picture[top : top + 8, left : left + 8] = generator.integers(0, 256, dtype=np.uint8)
    picture[generator.random(shape) < 0.02] = 200
    return picture


def _observation(number: int) -> Observation:
    return Observation(tick=number, episode=0, value=_game(number, 84, 84))


def _screen(number: int) -> Screen:
    return Screen(tick=number, episode=0, image=_game(number, 210, 160, 3))
