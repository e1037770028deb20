"""The packets of a servo bus: ``FF FF id length instruction parameters checksum``; a reply has ``error`` in place of ``instruction``."""

from __future__ import annotations

from dataclasses import dataclass

HEADER = b"\xff\xff"
BROADCAST = 0xFE
MOST_ID = 0xFD
PING = 1
READ = 2
WRITE = 3
SYNC_READ = 0x82
SYNC_WRITE = 0x83
OVERHEAD = 6
"""Number of bytes in a packet besides its parameters."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply of a servo."""

    id: int
    error: int
    """Bits of the servo's state: voltage 1, sensor 2, temperature 4, current 8, angle 16, overload 32."""
    data: bytes


def checksum(body: bytes) -> int:
    """Return the checksum of the bytes between header and checksum."""
    return ~sum(body) & 0xFF


def packet(servo: int, instruction: int, parameters: bytes = b"") -> bytes:
    """Return the bytes of a packet to a servo."""
    body = bytes((servo, len(parameters) + 2, instruction)) + parameters
    return HEADER + body + bytes((checksum(body),))


def take_packet(buffer: bytearray) -> tuple[int, int, bytes] | None:
    """Remove the first valid packet from the buffer. Return its id, its instruction or error, and its parameters.

    Noise before the packet is removed, too. Return None if no packet is complete; the beginning of a packet stays in
    the buffer.
    """
    start = 0
    found = None
    while (start := buffer.find(HEADER, start)) >= 0:
        if len(buffer) < start + 4:
            break
        servo, length = buffer[start + 2], buffer[start + 3]
        end = start + 4 + length
        if servo == 0xFF or length < 2:
            start += 1  # a third FF, or noise: the header may begin one byte later
        elif len(buffer) < end:
            # Noise can look like the header of a packet that never ends: look for a packet after it, and keep it.
            later = bytearray(buffer[start + 1 :])
            found = take_packet(later)
            if found is not None:
                buffer[:] = later
                return found
            break
        elif checksum(bytes(buffer[start + 2 : end - 1])) != buffer[end - 1]:
            start += 1
        else:
            found = servo, buffer[start + 4], bytes(buffer[start + 5 : end - 1])
            del buffer[:end]
            return found
    if start < 0:
        del buffer[: len(buffer) - (1 if buffer.endswith(b"\xff") else 0)]
    else:
        del buffer[:start]
    return None


def take_reply(buffer: bytearray) -> Reply | None:
    """Remove the first valid reply from the buffer, and return it; None if no reply is complete."""
    found = take_packet(buffer)
    return None if found is None else Reply(*found)
