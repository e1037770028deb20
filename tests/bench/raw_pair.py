"""The same two pairs with pyzmq alone: the lowest cost of ZeroMQ from Python.

Run as ``python -m tests.bench.raw_pair ROLE FOLDER SIZE …``; prints one line of JSON on stdout. A frame is a topic, a
number, a time stamp and the payload. From 64 KiB on the payload is a separate part that is never copied, which is faster
for large frames and slower for small ones.
"""

from __future__ import annotations

import json
import struct
import sys
import time
from collections.abc import Iterator

import numpy as np
import zmq

from tests.bench.pair_nodes import CREDIT, WINDOW, frame_of

TOPIC = b"frame\0"
HEAD = struct.Struct("<qq")
LEAD = len(TOPIC) + HEAD.size
COPY_BELOW = 1 << 16
WAITING_MOST = 1000
"""Maximum number of queued frames at the subscriber. The credit limits those at the publisher, which has no maximum.

A publisher notices what its subscriber has taken only in batches of half the maximum, and while it sends, only every
3 million processor cycles (``max_command_delay`` in libzmq). At 4 µs per frame it counts a thousand as queued when 400 are.
It then drops a frame, and both ends wait forever.
"""
PROBE, END = -1, -2

Socket = zmq.Socket[bytes]


def publish(frames: Socket, number: int, payload: memoryview) -> None:
    """Send a frame, stamped now."""
    head = TOPIC + HEAD.pack(number, time.monotonic_ns())
    if len(payload) < COPY_BELOW:
        frames.send(b"".join((head, payload)))
    else:
        frames.send_multipart((head, payload), copy=False)


def arrivals(frames: Socket, size: int) -> Iterator[tuple[int, int, int]]:
    """Wait for frames; yield the number, the send time, and the time when the frame is readable as an array."""
    while True:
        if size < COPY_BELOW:
            whole = frames.recv()
            number, stamp_ns = HEAD.unpack_from(whole, len(TOPIC))
            np.frombuffer(whole, np.uint8, offset=LEAD)
        else:
            head, payload = frames.recv_multipart(copy=False)
            number, stamp_ns = HEAD.unpack_from(head.buffer, len(TOPIC))
            np.frombuffer(payload.buffer, np.uint8)
        now_ns = time.monotonic_ns()
        if number == END:
            return
        yield number, stamp_ns, now_ns


def await_subscriber(frames: Socket, credit: Socket, payload: memoryview) -> None:
    """Send probes until one is answered."""
    while not credit.poll(10):
        publish(frames, PROBE, payload)
    credit.recv()


def paced_publisher(frames: Socket, credit: Socket, size: int, rate_hz: float, count: int) -> None:
    """Publish a number of frames at a steady rate, then an end marker."""
    payload = memoryview(frame_of((size,)))
    await_subscriber(frames, credit, payload)
    began = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, began + (number + 1) / rate_hz - time.monotonic()))
        publish(frames, number, payload)
    print("{}")
    publish(frames, END, payload)


def timekeeper(frames: Socket, credit: Socket, size: int) -> None:
    """Record the age of each frame when it is readable."""
    ages_ns: list[int] = []
    answered = False
    for number, stamp_ns, now_ns in arrivals(frames, size):
        if number >= 0:
            ages_ns.append(now_ns - stamp_ns)
        elif not answered:
            credit.send(b"")
            answered = True
    print(json.dumps({"ages_ns": ages_ns}))


def fast_publisher(frames: Socket, credit: Socket, size: int, duration_s: float) -> None:
    """Publish a window of frames, then one frame per acknowledged frame."""
    payload = memoryview(frame_of((size,)))
    await_subscriber(frames, credit, payload)
    until, began_cpu_s = time.monotonic() + duration_s, time.process_time()
    sent = acknowledged = 0
    for sent in range(1, WINDOW + 1):
        publish(frames, sent - 1, payload)
    while acknowledged < sent:
        acknowledged = int.from_bytes(credit.recv(), "little")
        if time.monotonic() < until:
            for _ in range(CREDIT):
                publish(frames, sent, payload)
                sent += 1
    print(json.dumps({"cpu_us": (time.process_time() - began_cpu_s) / sent * 1e6}))
    publish(frames, END, payload)


def counter(frames: Socket, credit: Socket, size: int) -> None:
    """Count frames and acknowledge them."""
    received = lost = began_ns = ended_ns = 0
    began_cpu_s = ended_cpu_s = 0.0
    answered = False
    for number, _, now_ns in arrivals(frames, size):
        if number < 0:
            if not answered:
                credit.send(b"")
                answered = True
            continue
        lost = number - received
        received += 1
        if received == WINDOW:
            began_ns, began_cpu_s = now_ns, time.process_time()
        if received % CREDIT == 0:
            ended_ns, ended_cpu_s = now_ns, time.process_time()
            credit.send(received.to_bytes(8, "little"))
    counted = received - received % CREDIT - WINDOW
    found = {
        "rate_hz": counted / (ended_ns - began_ns) * 1e9,
        "cpu_us": (ended_cpu_s - began_cpu_s) / counted * 1e6,
        "lost": lost,
    }
    print(json.dumps(found))


def main(role: str, folder: str, size: int, *numbers: float) -> None:
    """Open the sockets and run a role."""
    context = zmq.Context()
    publishes = role.endswith("publisher")
    frames = context.socket(zmq.PUB if publishes else zmq.SUB)
    credit = context.socket(zmq.PULL if publishes else zmq.PUSH)
    frames.set_hwm(0 if publishes else WAITING_MOST)
    frames.copy_threshold = COPY_BELOW
    if publishes:
        frames.bind(f"ipc://{folder}/frames")
        credit.bind(f"ipc://{folder}/credit")
    else:
        frames.setsockopt(zmq.SUBSCRIBE, TOPIC)
        frames.setsockopt(zmq.RECONNECT_IVL, 10)
        credit.setsockopt(zmq.RECONNECT_IVL, 10)
        frames.connect(f"ipc://{folder}/frames")
        credit.connect(f"ipc://{folder}/credit")
    if role == "paced-publisher":
        rate_hz, count = numbers
        paced_publisher(frames, credit, size, rate_hz, int(count))
    elif role == "fast-publisher":
        fast_publisher(frames, credit, size, numbers[0])
    elif role == "timekeeper":
        timekeeper(frames, credit, size)
    elif role == "counter":
        counter(frames, credit, size)
    else:
        raise SystemExit(f"no such role: {role}")
    frames.close(2000)
    credit.close(2000)
    context.term()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *map(float, sys.argv[4:]))
