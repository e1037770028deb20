"""Random programs: senders that reuse published memory, receivers that overwrite what they get, a digest per message.

A sender computes the digest from separate copies of the content, before it creates the message, and sends it along. So
every receiver can check by itself whether it sees what was published, in any world and life of the sender.
"""

from __future__ import annotations

import copy
import hashlib
import mmap
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from pydantic import Field, ValidationError

from rtgraph.msgs import Message, Record, array, decode
from rtgraph.msgs.errors import EncodeError
from rtgraph.nodes.runtime import Input, Node, Output, Params, latest, lossless, queue
from rtgraph.nodes.runtime.interface.taps import Tap

DTYPES = ("bool", "uint8", "int16", "int64", "uint64", "float16", "float32", "float64")
LONG = 9_000
"""Elements of a buffer: enough for a message of several frames."""
STEP_NS = 1_000_000
KEPT = 30


class Extra(Record):
    numbers: list[int] = Field(default_factory=list)
    values: array() | None = None  # type: ignore[valid-type]


class Parcel(Message):
    number: int
    told: str
    """The digest of the fields below."""
    value: array()  # type: ignore[valid-type]
    pixels: array("uint8", None, None) | None = None  # type: ignore[valid-type]
    either: int | array() = 0  # type: ignore[valid-type]
    parts: list[array()] = Field(default_factory=list)  # type: ignore[valid-type]
    notes: dict[str, list[float]] = Field(default_factory=dict)
    extra: Extra | None = None


CONTENT = ("value", "pixels", "either", "parts", "notes", "extra")


def digest(value: object) -> str:
    """Return a digest of values that does not depend on their memory. Shares no code with messages."""
    parts: list[bytes] = []
    _feed(parts.append, value)
    return hashlib.blake2b(b"|".join(parts), digest_size=12).hexdigest()


def _feed(update: Callable[[bytes], None], value: Any) -> None:
    if isinstance(value, np.ndarray):
        update(f"array {value.dtype.kind}{value.dtype.itemsize} {value.shape}".encode() + value.tobytes())
    elif isinstance(value, dict):
        update(b"dict")
        for key in sorted(value):
            _feed(update, key)
            _feed(update, value[key])
    elif isinstance(value, (list, tuple)):
        update(f"list {len(value)}".encode())
        for item in value:
            _feed(update, item)
    elif isinstance(value, Record):
        _feed(update, dict(value.__dict__))
    else:
        update(f"{type(value).__name__} {value!r}".encode())


def content(parcel: Parcel) -> dict[str, Any]:
    return {name: getattr(parcel, name) for name in CONTENT}


class Drawing:
    """Draws a sender's messages, in buffers that it reuses."""

    def __init__(self, seed: list[int]) -> None:
        self.rng = np.random.default_rng(seed)
        self.kept: dict[str, Any] = {name: np.zeros(LONG, name) for name in DTYPES}
        self.foreign: list[Any] = []
        """Memory that numpy does not own."""

    def pick(self, *choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def scribble(self) -> None:
        """Overwrite all memory from which a message may have been made."""
        for buffer in self.kept.values():
            buffer.flags.writeable = True
            buffer.view(np.uint8)[:] = int(self.rng.integers(2)) if buffer.dtype == bool else 0xAB
        for memory in self.foreign:
            if isinstance(memory, torch.Tensor):
                memory.fill_(7)
            else:
                memory[:] = bytes([7]) * len(memory)
        self.foreign.clear()

    def array(self) -> tuple[Any, bool]:
        """Return an array, and whether it can be sent."""
        buffer = self.kept[self.pick(*DTYPES)]
        length = self.pick(0, 1, 2, 6, 6, 12, 12, 60, 60, LONG - 100)
        start = int(self.rng.integers(0, 100))
        part = buffer[start : start + length]
        part[:] = self.rng.integers(0, 2 if part.dtype == bool else 100, length).astype(part.dtype)
        if self.rng.random() < 0.15:
            return self.refused(part), False
        return self.pick(*SHAPES)(self, part), True

    def refused(self, part: np.ndarray) -> Any:
        """Return an array that cannot be sent."""
        return self.pick(
            # Pydantic turns an array of one element into a number if the field accepts numbers.
            np.ma.array(np.resize(part, 4), mask=False),
            np.ma.masked_less(np.resize(part, (2, 2)).astype(float), 50),
            np.arange(4, dtype=">i4"),
            np.zeros(3, [("x", "f4")]),
            np.array([None, 1], object),
            np.zeros(2, np.float128),
            np.zeros(2, complex),
            np.zeros((1,) * 9),
            np.array(["a"]),
            [1, 2],
        )


def _frozen(drawing: Drawing, part: np.ndarray) -> np.ndarray:
    view = part[:]
    view.flags.writeable = False
    return view


def _owner_frozen(drawing: Drawing, part: np.ndarray) -> np.ndarray:
    owner = part.copy()
    drawing.kept[f"owner {len(drawing.kept) % 50}"] = owner
    owner.flags.writeable = False
    return owner


def _foreign(made: Callable[[bytes], Any]) -> Callable[[Drawing, np.ndarray], np.ndarray]:
    def shape(drawing: Drawing, part: np.ndarray) -> np.ndarray:
        if not part.size:
            return part
        memory = made(part.tobytes())
        drawing.foreign.append(memory)
        return np.frombuffer(memoryview(memory).toreadonly(), part.dtype)

    return shape


def _mapped(data: bytes) -> mmap.mmap:
    made = mmap.mmap(-1, len(data))
    made[:] = data
    return made


def _tensor(drawing: Drawing, part: np.ndarray) -> np.ndarray:
    if part.dtype.kind == "u" and part.dtype.itemsize > 1:
        return part
    tensor = torch.from_numpy(part.copy())
    drawing.foreign.append(tensor)
    return tensor.numpy()


SHAPES: tuple[Callable[[Drawing, np.ndarray], np.ndarray], ...] = (
    lambda drawing, part: part,
    lambda drawing, part: part[::2],
    lambda drawing, part: part[::-1],
    lambda drawing, part: part[: part.size // 6 * 6].reshape(-1, 2, 3).T,
    lambda drawing, part: part[: part.size // 2 * 2].reshape(2, -1, order="F"),
    lambda drawing, part: np.broadcast_to(part[:1], (3, part[:1].size)),
    lambda drawing, part: part[:1].reshape(()) if part.size else part,
    lambda drawing, part: part.view(np.recarray),
    lambda drawing, part: np.frombuffer(b"x" + part.tobytes(), part.dtype, offset=1) if part.size else part,
    lambda drawing, part: np.frombuffer(part.tobytes(), part.dtype),
    _frozen,
    _owner_frozen,
    _foreign(bytearray),
    _foreign(_mapped),
    _tensor,
)


class SenderParams(Params):
    seed: int = 0
    programs: int = 1
    steps: int = 4
    crash_at: int | None = None
    """The step, counted over all programs, at which it fails."""


class Sender(Node[SenderParams]):
    """Runs random programs one after the other."""

    stop_rank = 0
    parcel = Output(Parcel)

    def on_start(self) -> None:
        self.sent = self.refused = self.number = 0
        self.wrong: list[str] = []
        self._next = self.every(STEP_NS, self.step)

    def step(self) -> None:
        """Run a step, unless all programs are over."""
        params = self.params
        if self.number == params.programs * params.steps:
            self._next.cancel()
            return
        program, step = divmod(self.number, params.steps)
        if self.number == params.crash_at and not self.context.identity.incarnation:
            raise RuntimeError(f"crash of {self.name}")
        if not step:
            self._drawing = Drawing([params.seed, program, self.context.identity.incarnation])
        self.number += 1
        self._publish(self._drawing)

    def _publish(self, drawing: Drawing) -> None:
        fields, fine = self._fields(drawing)
        told = (
            digest(copy.deepcopy({"either": 0, "parts": [], "notes": {}, **dict.fromkeys(CONTENT), **fields}))
            if fine
            else ""
        )
        try:
            parcel = self._made(drawing, fields | {"number": self.number, "told": told})
            if drawing.rng.random() < 0.5:
                drawing.scribble()  # a message keeps the content with which it was created
            for _ in range(drawing.pick(1, 1, 1, 2)):
                self.parcel.publish(parcel)
        except (ValidationError, EncodeError) as error:
            self.refused += 1
            if fine:
                self.wrong.append(f"{self.number}: refused: {error}"[:300])
            return
        if not fine:
            self.wrong.append(f"{self.number}: {fields} was not refused"[:300])
        self.sent += 1
        spoil(parcel)
        drawing.scribble()

    def _fields(self, drawing: Drawing) -> tuple[dict[str, Any], bool]:
        value, fine = drawing.array()
        fields: dict[str, Any] = {"value": value}
        if drawing.rng.random() < 0.3:
            drawing.kept["uint8"][:600] = drawing.rng.integers(0, 255, 600)
            fields["pixels"] = drawing.kept["uint8"][:600].reshape(20, 30)[:, :: drawing.pick(1, 2, -1)]
        fields["either"], travels = drawing.array() if drawing.rng.random() < 0.3 else (3, True)
        # A list of numbers is neither an array nor a number.
        fine &= travels
        parts = [drawing.array() for _ in range(drawing.pick(0, 0, 1, 3))]
        fields["parts"] = [part for part, _ in parts]
        fine &= all(travels for _, travels in parts)
        fields["notes"] = {"a": [float(n) for n in drawing.rng.integers(0, 9, 3)]}
        if drawing.rng.random() < 0.3:
            inner, travels = drawing.array()
            fine &= travels
            try:
                fields["extra"] = Extra(numbers=[1, 2], values=inner)
            except ValidationError:
                fields["extra"] = {"values": inner}
        return fields, fine

    def _made(self, drawing: Drawing, fields: dict[str, Any]) -> Parcel:
        how = int(drawing.rng.integers(5))
        if how == 0:
            return Parcel(number=0, told="", value=np.zeros(1)).model_copy(update=fields)
        if how == 1:
            return Parcel.model_construct(**fields)
        made = Parcel(**fields)
        if how == 2:
            return copy.deepcopy(made)
        return made.model_copy(deep=True) if how == 3 else made

    def result(self) -> dict[str, Any]:
        return {"sent": self.sent, "refused": self.refused, "wrong": self.wrong}


def spoil(parcel: Parcel) -> list[str]:
    """Overwrite everything writable in a message; return the arrays that were writable."""
    written = []
    for value in (parcel.value, parcel.pixels, parcel.either, *parcel.parts):
        if isinstance(value, np.ndarray):
            if value.flags.writeable:
                written.append(f"{parcel.number}: {value.dtype} of shape {value.shape} can be written")
                value.fill(1)
            try:
                value.flags.writeable = True
            except ValueError:
                continue
            value.fill(1)
    parcel.parts.append(np.zeros(1))
    for note in parcel.notes.values():
        note.append(-1.0)
    parcel.notes["mine"] = []
    if parcel.extra is not None:
        parcel.extra.numbers.append(-1)
    return written


class ReceiverParams(Params):
    spends_ns: int = 0
    writes: bool = False


class Receiver(Node[ReceiverParams]):
    """Compares messages with their digest, at once and at its end; some receivers overwrite them in between."""

    stop_rank = 2
    parcel = Input(Parcel, lossless, many=True)

    def on_start(self) -> None:
        self.seen: list[tuple[int, int]] = []
        self.wrong: list[str] = []
        self.kept: list[Parcel] = []

    def on_parcel(self, parcel: Parcel) -> None:
        self.seen.append((parcel.header.incarnation, parcel.number))
        self._compare(parcel, "when it came")
        if self.params.writes:
            self.wrong += spoil(parcel)
        elif len(self.kept) < KEPT:
            self.kept.append(parcel)
        if self.params.spends_ns:
            self.spend(self.params.spends_ns)

    def on_stop(self) -> None:
        for parcel in self.kept:
            self._compare(parcel, "at the end")

    def _compare(self, parcel: Parcel, when: str) -> None:
        if digest(content(parcel)) != parcel.told:
            self.wrong.append(f"{parcel.header.source} {parcel.number} is another one {when}")

    def result(self) -> dict[str, Any]:
        return {"seen": len(self.seen), "wrong": self.wrong[:20]}


class QueueReceiver(Receiver):
    parcel = Input(Parcel, queue(3), many=True)


class LatestReceiver(Receiver):
    parcel = Input(Parcel, latest, many=True)


class Echo(Receiver):
    """Publishes what it received: the message itself, a copy, or a message made from its parts."""

    stop_rank = 1
    echo = Output(Parcel)

    def on_parcel(self, parcel: Parcel) -> None:
        again = (
            parcel,
            parcel.model_copy(),
            Parcel(number=parcel.number, told=parcel.told, **content(parcel)),
        )[parcel.number % 3]
        super().on_parcel(parcel)
        if not self.params.writes:
            self.echo.publish(again, of=parcel)


class EchoReceiver(Receiver):
    echo = Input(Parcel, lossless, many=True)
    parcel = Input(Parcel, latest, many=True, optional=True)

    def on_echo(self, parcel: Parcel) -> None:
        self.on_parcel(parcel)


class Wire(Node[Params]):
    """Compares messages with their digest, as bytes on the wire."""

    stop_rank = 3
    everything = Tap()

    def on_start(self) -> None:
        self.seen = 0
        self.wrong: list[str] = []

    def on_stop(self) -> None:
        for taken in self.everything.take_all():
            parcel = decode(Parcel, taken.data)
            self.seen += 1
            if digest(content(parcel)) != parcel.told:
                self.wrong.append(f"{taken.channel} {parcel.number} is another one on the wire")

    def result(self) -> dict[str, Any]:
        return {"seen": self.seen, "wrong": self.wrong[:20]}
