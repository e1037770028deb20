import mmap

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from rtgraph.msgs import Decoder, Encoder, Message, array, decode, encode, schema


class Pixels(Message):
    pixels: array("uint8", None, None, 3)


class AnyArray(Message):
    value: array()


def test_a_declared_dtype_and_shape_are_kept_to():
    assert Pixels(pixels=np.zeros((2, 5, 3), np.uint8)).pixels.shape == (2, 5, 3)
    with pytest.raises(ValidationError, match="should be an array of uint8, not of float64"):
        Pixels(pixels=np.zeros((2, 5, 3)))
    for shape in [(2, 5, 4), (2, 5), (1, 2, 5, 3)]:
        with pytest.raises(ValidationError, match=r"should be an array of shape \(\*, \*, 3\), not"):
            Pixels(pixels=np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", ["U3", "object", "complex64", "datetime64[s]", ">i4"])
def test_what_the_wire_does_not_carry_is_refused(dtype):
    with pytest.raises(ValidationError, match="cannot be sent; the dtypes are bool, uint8"):
        AnyArray(value=np.zeros(2, dtype))


@pytest.mark.parametrize("value", [[1, 2], 3, "x", None, {"dtype": "uint8", "shape": [0], "buffer": 0}])
def test_only_arrays_are_arrays(value):
    with pytest.raises(ValidationError, match="should be an array"):
        AnyArray(value=value)


def test_an_array_has_at_most_eight_dimensions():
    assert AnyArray(value=np.zeros((1,) * 8)).value.ndim == 8
    with pytest.raises(ValidationError, match="at most 8 dimensions, not 9"):
        AnyArray(value=np.zeros((1,) * 9))


def memories(values):
    """Yield arrays of these values in all kinds of memory that others can write, each with a way to write it."""
    owned = values.copy()
    yield "owned", owned, lambda: owned.fill(99)
    base = values.copy()
    view = base[:]
    view.flags.writeable = False
    yield "a read-only view of a writeable array", view, lambda: base.fill(99)
    frozen = values.copy()
    frozen.flags.writeable = False

    def thaw():
        frozen.flags.writeable = True
        frozen.fill(99)

    yield "read-only until its owner changes that", frozen, thaw
    buffer = bytearray(values.tobytes())
    read_only = np.frombuffer(memoryview(buffer).toreadonly(), values.dtype)
    yield (
        "a read-only memoryview of a bytearray",
        read_only,
        lambda: buffer.__setitem__(slice(None), b"c" * len(buffer)),
    )
    mapped = mmap.mmap(-1, values.nbytes)
    mapped[:] = values.tobytes()
    yield (
        "a map",
        np.frombuffer(mapped, values.dtype),
        lambda: mapped.__setitem__(slice(None), b"c" * len(mapped)),
    )
    tensor = torch.from_numpy(values.copy())
    yield "a tensor's", tensor.numpy(), lambda: tensor.fill_(99)
    repeated = values[:1].copy()
    yield "one element, repeated", np.broadcast_to(repeated, values.shape), lambda: repeated.fill(99)
    wide = np.repeat(values, 2)
    yield "every other element", wide[::2], lambda: wide.fill(99)


MEMORIES = [each[0] for each in memories(np.full(5, 7, np.int16))]


@pytest.mark.parametrize("kind", MEMORIES)
def test_a_message_never_shares_memory_that_somebody_can_write(kind):
    _, given, write = next(each for each in memories(np.full(5, 7, np.int16)) if each[0] == kind)
    message = AnyArray(value=given)
    write()
    assert given.tolist() != [7] * 5, "the test wrote nothing"
    assert message.value.tolist() == [7] * 5


@pytest.mark.parametrize("kind", MEMORIES)
def test_nobody_can_write_the_array_of_a_message(kind):
    _, given, _ = next(each for each in memories(np.full(5, 7, np.int16)) if each[0] == kind)
    for message in (AnyArray(value=given), decode(AnyArray, encode(AnyArray(value=given)))):
        with pytest.raises(ValueError, match="read-only"):
            message.value[0] = 1
        with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
            message.value.flags.writeable = True
    given_writeable = np.zeros(3)
    AnyArray(value=given_writeable)
    given_writeable[0] = 7  # the sender's own array stays writeable


def test_an_array_on_bytes_is_not_copied():
    given = np.frombuffer(bytes(24), np.float64)
    for array_on_bytes in (given, given[1:], given.reshape(1, 3, 1), AnyArray(value=given).value):
        assert AnyArray(value=array_on_bytes).value is array_on_bytes


@pytest.mark.parametrize(
    "given",
    [
        np.array([[1, 2]], np.float32).view(np.matrix),
        np.array([1, 2], np.float32).view(np.recarray),
        np.array(3, np.float32),
        np.zeros((0, 2), np.float32),
        np.arange(6, dtype=np.float32).reshape(2, 3).T,
        np.arange(6, dtype=np.float32)[::-1],
        np.frombuffer(bytes(range(17)), np.float32, offset=1),
        np.array([1, 2], np.dtype("f4", metadata={"unit": "m"})),
    ],
    ids=["matrix", "recarray", "0-d", "empty", "transposed", "reversed", "unaligned", "metadata"],
)
def test_odd_arrays_arrive_as_plain_ones(given):
    for message in (AnyArray(value=given), decode(AnyArray, encode(AnyArray(value=given)))):
        assert type(message.value) is np.ndarray
        assert message.value.dtype == np.float32
        assert message.value.flags.aligned
        assert message.value.flags.c_contiguous
        assert (message.value.shape, message.value.tolist()) == (given.shape, given.tolist())


def test_an_array_that_came_in_large_frames_is_aligned():
    frames = Encoder(AnyArray).encode(AnyArray(value=np.arange(1 << 16, dtype=np.float64)))
    shifted = memoryview(b"x" + bytes(frames[1]))[1:]
    back = Decoder(AnyArray).decode([frames[0], shifted])
    assert back.value.flags.aligned
    assert back.value[-1] == (1 << 16) - 1


@pytest.mark.parametrize("mask", [[0, 1], False])
def test_a_masked_array_is_refused_with_the_way_out(mask):
    masked = np.ma.array([1, 2], np.float32, mask=mask)
    for given in (masked, masked[::-1]):
        with pytest.raises(
            ValidationError, match=r"(?s)value\n.*a masked array cannot be sent, .*array.filled\("
        ):
            AnyArray(value=given)
    assert AnyArray(value=masked.filled(0)).value.dtype == np.float32


@pytest.mark.parametrize("dtype", ["float128", [("x", "f4")], "S3", "timedelta64[s]", "complex128"])
def test_an_array_of_another_type_is_refused(dtype):
    with pytest.raises(ValidationError, match=r"an array of .* cannot be sent; the dtypes are bool, uint8"):
        AnyArray(value=np.zeros(2, dtype))


def test_a_strided_array_is_put_in_order():
    given = np.arange(24).reshape(4, 6)
    for strided in (given[:, ::2], given.T, given[::-1]):
        assert AnyArray(value=strided).value.flags.c_contiguous
        assert (AnyArray(value=strided).value == strided).all()


def test_an_unknown_dtype_cannot_be_declared():
    with pytest.raises(ValueError, match="an array of 'float128' cannot be sent; the dtypes are bool, uint8"):
        array("float128")


def test_the_schema_tells_dtype_and_shape():
    found = schema(Pixels)["properties"]["pixels"]["properties"]
    assert found["dtype"] == {"enum": ["uint8"]}
    assert found["shape"]["prefixItems"] == [{"type": "integer"}, {"type": "integer"}, {"const": 3}]
    assert (found["shape"]["minItems"], found["shape"]["maxItems"]) == (3, 3)
