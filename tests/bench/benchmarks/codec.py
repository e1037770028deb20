"""Cost of encoding and decoding a message, compared with msgpack on the same content without checks."""

from __future__ import annotations

from typing import Any

import msgpack
import numpy as np

from rtgraph.msgs import (
    Applied,
    Claim,
    Decision,
    Decoder,
    Encoder,
    Header,
    Lineage,
    Message,
    Observation,
    Screen,
)
from tests.bench.pair_nodes import frame_of
from tests.bench.rounds import in_turn, microseconds_per_call
from tests.bench.rows import Row, Say

CALLS_S = 0.08
"""Duration of the repeated calls in a round."""
PEER = "msgpack of dicts"


def run(rounds: int, say: Say) -> list[Row]:
    """Measure encoding and decoding, message by message."""
    rows = []
    for message in _messages():
        name = type(message).__name__
        say(name)
        encoder, decoder = Encoder(type(message)), Decoder(type(message))
        frames = [bytes(frame) for frame in encoder.encode(message)]
        plain = _plain(message.model_dump())
        packed = msgpack.packb(plain)

        def encode(encoder: Encoder[Any] = encoder, message: Message = message) -> object:
            return encoder.encode(message)

        def pack(plain: Any = plain) -> object:
            return msgpack.packb(plain)

        def decode(decoder: Decoder[Any] = decoder, frames: list[bytes] = frames) -> object:
            return decoder.decode(frames)

        def unpack(packed: bytes = packed) -> object:
            return msgpack.unpackb(packed)

        for verb, mine, theirs in (("encode", encode, pack), ("decode", decode, unpack)):
            ours, peer = in_turn(
                rounds,
                lambda _, call=mine: microseconds_per_call(call, CALLS_S),
                lambda _, call=theirs: microseconds_per_call(call, CALLS_S),
            )
            note = f"{sum(map(len, frames)):,} B in {len(frames)} frames" if verb == "encode" else ""
            rows.append(Row.compared(f"{name} {verb}", "µs", ours, PEER, peer, note=note))
    return rows


def _messages() -> list[Message]:
    lineage = Lineage(
        source="plant", incarnation=0, sequence=4711, stamp_ns=78_516_666_666, tick=4711, episode=3
    )
    header = Header(source="worker/3", incarnation=0, sequence=640, stamp_ns=78_604_999_999, lineage=lineage)
    own = Header(source="plant", incarnation=0, sequence=4711, stamp_ns=78_516_666_666)
    observation = Observation(header=own, tick=4711, episode=3, value=frame_of((84, 84)), reward=1.0)
    return [
        observation,
        Screen(header=header, tick=4711, episode=3, image=frame_of((210, 160, 3))),
        Decision(
            header=header,
            worker="worker/3",
            number=640,
            action=11,
            began_ns=78_516_700_000,
            inference_ns=88_299_999,
        ),
        Applied(
            header=header,
            tick=4717,
            episode=3,
            action=11,
            by="policy",
            worker="worker/3",
            decision=640,
            age_ticks=6,
            age_ns=100_000_000,
            delay_ticks=6,
            due_ns=78_616_666_666,
            lateness_ns=41_000,
            work_ns=480_000,
            arrived=1,
        ),
        Claim(header=header, number=640, worker="worker/3", incarnation=0, observation=observation),
    ]


def _plain(value: Any) -> Any:
    """Return the same content with each array as its description and raw bytes."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.name, "shape": list(value.shape), "data": value.tobytes()}
    return value
