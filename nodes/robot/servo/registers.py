"""The registers of an STS3215 servo. Numbers are little-endian. A signed number is stored as sign and magnitude."""

from __future__ import annotations

from dataclasses import dataclass

MODEL = 777
"""The model number of an STS3215."""
TICKS = 4096
"""Number of encoder positions per turn."""
MIDDLE = TICKS // 2 - 1
"""The position in the middle of a turn. Calibration gives this position to the place that the operator
chose as the middle of a joint's range."""


@dataclass(frozen=True, slots=True)
class Register:
    """A number in a servo's memory."""

    address: int
    size: int
    """Number of bytes, 1 or 2."""
    sign_bit: int | None = None
    """The bit that holds the sign; None if the number is unsigned."""

    def encode(self, value: int) -> bytes:
        """Return the bytes that the register holds for a value.

        Raises:
            ValueError: the value is outside the range of the register.
        """
        bits = 8 * self.size if self.sign_bit is None else self.sign_bit
        if abs(value) >= 1 << bits or (value < 0 and self.sign_bit is None):
            least = 0 if self.sign_bit is None else 1 - (1 << bits)
            raise ValueError(
                f"the value {value} does not fit into register {self.address}, which holds {least} to {(1 << bits) - 1}"
            )
        sign = 0 if value >= 0 or self.sign_bit is None else 1 << self.sign_bit
        return (abs(value) | sign).to_bytes(self.size, "little")

    def decode(self, data: bytes) -> int:
        """Return the value that the register's bytes hold."""
        value = int.from_bytes(data[: self.size], "little")
        if self.sign_bit is None:
            return value
        magnitude = value & ((1 << self.sign_bit) - 1)
        return -magnitude if value >> self.sign_bit & 1 else magnitude


# Kept without power, and written only while LOCK is 0.
MODEL_NUMBER = Register(3, 2)
MIN_POSITION = Register(9, 2)
MAX_POSITION = Register(11, 2)
HOMING_OFFSET = Register(31, 2, sign_bit=11)
OPERATING_MODE = Register(33, 1)
# Lost without power.
TORQUE_ENABLE = Register(40, 1)
GOAL_POSITION = Register(42, 2, sign_bit=15)
LOCK = Register(55, 1)
PRESENT_POSITION = Register(56, 2, sign_bit=15)
PRESENT_VELOCITY = Register(58, 2, sign_bit=15)
PRESENT_LOAD = Register(60, 2, sign_bit=10)
VOLTAGE = Register(62, 1)
TEMPERATURE = Register(63, 1)

POSITION_MODE = 0
"""The operating mode in which a servo moves to its goal position."""
