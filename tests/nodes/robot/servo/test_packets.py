"""The packets of the bus: whatever noise is around, valid packets are found, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rtgraph.nodes.robot.servo.packets import checksum, packet, take_packet
from rtgraph.nodes.robot.servo.registers import HOMING_OFFSET, PRESENT_LOAD, PRESENT_POSITION, TEMPERATURE

packets = st.tuples(st.integers(0, 253), st.integers(0, 255), st.binary(max_size=12))
# Noise in which no packet can begin.
noise = st.lists(st.integers(0, 0xFE), max_size=8).map(bytes)


def test_a_packet_is_that_of_the_data_sheet():
    assert packet(1, 1) == bytes.fromhex("ff ff 01 02 01 fb")
    assert packet(1, 2, bytes((0x38, 2))) == bytes.fromhex("ff ff 01 04 02 38 02 be")


@given(st.lists(st.tuples(noise, packets), max_size=6), st.integers(1, 7))
def test_packets_are_found_between_noise_and_in_pieces(sent, size):
    stream = b"".join(before + packet(*one) for before, one in sent)
    buffer, found = bytearray(), []
    for start in range(0, len(stream), size):
        buffer += stream[start : start + size]
        while (one := take_packet(buffer)) is not None:
            found.append(one)
    assert found == [one for _, one in sent]


@given(st.binary(max_size=64))
def test_whatever_is_found_has_a_valid_checksum(data):
    buffer = bytearray(data)
    while (found := take_packet(buffer)) is not None:
        servo, instruction, parameters = found
        body = bytes((servo, len(parameters) + 2, instruction)) + parameters
        assert b"\xff\xff" + body + bytes((checksum(body),)) in data


@given(packets, st.binary(min_size=1, max_size=4))
def test_a_header_that_nothing_follows_hides_no_packet(one, rubbish):
    # A broken header that promises 200 bytes: the valid packet behind it is found all the same.
    buffer = bytearray(b"\xff\xff\x01\xc8" + packet(*one))
    assert take_packet(buffer) == one


def test_signed_registers_hold_sign_and_magnitude():
    assert PRESENT_POSITION.encode(-5) == bytes((5, 0x80))
    assert HOMING_OFFSET.encode(-1200) == (1200 | 0x800).to_bytes(2, "little")
    for register, value in (
        (PRESENT_POSITION, -2000),
        (HOMING_OFFSET, -2047),
        (PRESENT_LOAD, -1000),
        (TEMPERATURE, 200),
    ):
        assert register.decode(register.encode(value)) == value
