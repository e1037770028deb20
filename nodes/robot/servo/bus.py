"""The bus of Feetech STS servos: requests, replies and retries over one serial port.

A read is repeated for the servos that did not answer. Servos do not reply to a write to several servos at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rtgraph.msgs.errors import RobotError
from rtgraph.nodes.robot.connection.serial_port import SerialPort
from rtgraph.nodes.robot.servo import packets
from rtgraph.nodes.robot.servo.packets import Reply
from rtgraph.nodes.robot.servo.registers import LOCK, MODEL_NUMBER, Register

TIMEOUT_S = 0.04
TRIES = 3
NOISE_BYTES = 256
"""Maximum number of bytes of noise before replies."""
STATES = ("voltage", "sensor", "temperature", "current", "angle", "overload")


class ServoBus:
    """Sends requests to the servos of one bus.

    Args:
        path: the path of the serial port.
        timeout_s: maximum wait for replies.
        tries: maximum number of times that a request is sent.

    Raises:
        RobotError: the port cannot be opened. All requests raise this error if the port fails. ``read``, ``write``,
            ``write_kept`` and ``sync_read`` raise it, too, if a servo does not answer.
    """

    def __init__(self, path: str, *, timeout_s: float = TIMEOUT_S, tries: int = TRIES) -> None:
        self.path = path
        self.retries = 0
        """Number of repetitions of requests, without pings."""
        self.states: Counter[str] = Counter()
        """Number of replies in which a servo reports a bad state, by the kind of state, such as overload."""
        self._tries = tries
        self._port = SerialPort(path, timeout_s)

    def close(self) -> None:
        """Close the port."""
        self._port.close()

    def __enter__(self) -> ServoBus:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ping(self, servo: int) -> bool:
        """Return whether a servo answers."""
        return bool(self._ask(packets.packet(servo, packets.PING), [servo], 0, required=False))

    def scan(self, ids: Iterable[int] = range(packets.MOST_ID + 1)) -> dict[int, int]:
        """Return the model number of each servo that answers, by the servo's id."""
        found = [servo for servo in ids if self.ping(servo)]
        return {servo: self.read(servo, MODEL_NUMBER) for servo in found}

    def read(self, servo: int, register: Register) -> int:
        """Read a register of a servo."""
        request = packets.packet(servo, packets.READ, bytes((register.address, register.size)))
        return register.decode(self._ask(request, [servo], register.size)[servo])

    def write(self, servo: int, register: Register, value: int) -> None:
        """Write a register of a servo, and wait for its reply."""
        data = bytes((register.address,)) + register.encode(value)
        self._ask(packets.packet(servo, packets.WRITE, data), [servo], 0)

    def write_kept(self, servo: int, values: Mapping[Register, int]) -> None:
        """Write registers of a servo. The servo keeps these values without power."""
        self.write(servo, LOCK, 0)
        try:
            for register, value in values.items():
                self.write(servo, register, value)
        finally:
            self.write(servo, LOCK, 1)

    def sync_read(self, servos: Sequence[int], registers: Sequence[Register]) -> dict[int, tuple[int, ...]]:
        """Read registers of several servos at once. Each reply holds all bytes from the first to the last register.

        Args:
            servos: the ids of the servos.
            registers: the registers, in the order of their addresses.

        Returns:
            The values of the registers, by the servo's id.
        """
        first, last = registers[0], registers[-1]
        size = last.address + last.size - first.address
        data = self._ask_all(list(servos), first.address, size)
        return {
            servo: tuple(
                register.decode(data[servo][register.address - first.address :]) for register in registers
            )
            for servo in servos
        }

    def sync_write(self, register: Register, values: Mapping[int, int]) -> None:
        """Write a register of several servos at once. The servos do not reply."""
        data = b"".join(bytes((servo,)) + register.encode(value) for servo, value in values.items())
        request = bytes((register.address, register.size)) + data
        self._port.write(packets.packet(packets.BROADCAST, packets.SYNC_WRITE, request))

    def _ask_all(self, servos: list[int], address: int, size: int) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        for _ in range(self._tries):
            left = [servo for servo in servos if servo not in found]
            self.retries += len(left) < len(servos)
            request = packets.packet(packets.BROADCAST, packets.SYNC_READ, bytes((address, size, *left)))
            found |= self._answers(request, left, size)
            if len(found) == len(servos):
                return found
        raise self._silent([servo for servo in servos if servo not in found])

    def _ask(
        self, request: bytes, servos: list[int], size: int, *, required: bool = True
    ) -> dict[int, bytes]:
        for attempt in range(self._tries):
            self.retries += attempt > 0 and required
            if len(found := self._answers(request, servos, size)) == len(servos):
                return found
        if required:
            raise self._silent(servos)
        return {}

    def _answers(self, request: bytes, servos: Sequence[int], size: int) -> dict[int, bytes]:
        """Send a request. Return the data of each reply that comes in time, by the servo's id."""
        self._port.discard()
        self._port.write(request)
        found: dict[int, bytes] = {}
        buffer = bytearray()
        received = 0
        needed = len(servos) * (packets.OVERHEAD + size)
        most = needed + NOISE_BYTES
        while len(found) < len(servos) and received < most:
            wanted = (len(servos) - len(found)) * (packets.OVERHEAD + size) - len(buffer)
            data = self._port.read(max(1, wanted))
            received += len(data)
            buffer += data
            while (reply := packets.take_reply(buffer)) is not None:
                if reply.id in servos and len(reply.data) == size:
                    found[reply.id] = reply.data
                    self._note(reply)
            if not data:
                break
        return found

    def _note(self, reply: Reply) -> None:
        for bit, state in enumerate(STATES):
            if reply.error >> bit & 1:
                self.states[state] += 1

    def _silent(self, servos: Sequence[int]) -> RobotError:
        noun = "servo" if len(servos) == 1 else "servos"
        verb = "does" if len(servos) == 1 else "do"
        return RobotError(
            f"{noun} {', '.join(map(str, servos))} on {self.path} {verb} not answer",
            hint="check power and cables; `rtgraph robot scan` shows which servos answer",
        )
