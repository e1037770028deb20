import numpy as np
import pytest
from pydantic import ValidationError

from rtgraph.msgs import Message, array, schema


class Pixels(Message):
    pixels: array("uint8", None, None, 3)


class AnyArray(Message):
    value: array()


def test_a_declared_dtype_and_shape_are_kept_to():
    assert Pixels(pixels=np.zeros((2, 5, 3), np.uint8)).pixels.shape == (2, 5, 3)
    with pytest.raises(ValidationError, match="an array of uint8 is wanted, not of float64"):
        Pixels(pixels=np.zeros((2, 5, 3)))
    for shape in [(2, 5, 4), (2, 5), (1, 2, 5, 3)]:
        with pytest.raises(ValidationError, match=r"an array of shape \(\*, \*, 3\) is wanted, not"):
            Pixels(pixels=np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", ["U3", "object", "complex64", "datetime64[s]", ">i4"])
def test_what_the_wire_does_not_carry_is_refused(dtype):
    with pytest.raises(ValidationError, match="an array of a numeric type is wanted"):
        AnyArray(value=np.zeros(2, dtype))


@pytest.mark.parametrize("value", [[1, 2], 3, "x", None, {"dtype": "uint8", "shape": [0], "buffer": 0}])
def test_only_arrays_are_arrays(value):
    with pytest.raises(ValidationError, match="an array is wanted"):
        AnyArray(value=value)


def test_an_array_has_at_most_eight_dimensions():
    assert AnyArray(value=np.zeros((1,) * 8)).value.ndim == 8
    with pytest.raises(ValidationError, match="at most 8 dimensions, not 9"):
        AnyArray(value=np.zeros((1,) * 9))


def test_a_message_shows_the_array_it_was_given_but_nobody_can_write_through_it():
    given = np.zeros((3, 3), np.int16)
    message = AnyArray(value=given)
    assert np.shares_memory(message.value, given)
    with pytest.raises(ValueError, match="read-only"):
        message.value[0, 0] = 1
    given[0, 0] = 7
    assert message.value[0, 0] == 7  # the sender's own array stays writable


def test_a_strided_array_is_put_in_order():
    given = np.arange(24).reshape(4, 6)
    for strided in (given[:, ::2], given.T, given[::-1]):
        assert AnyArray(value=strided).value.flags.c_contiguous
        assert (AnyArray(value=strided).value == strided).all()


def test_an_unknown_dtype_cannot_be_declared():
    with pytest.raises(ValueError, match="no array travels as 'float128'; known are bool, uint8"):
        array("float128")


def test_the_schema_tells_dtype_and_shape():
    found = schema(Pixels)["properties"]["pixels"]["properties"]
    assert found["dtype"] == {"enum": ["uint8"]}
    assert found["shape"]["prefixItems"] == [{"type": "integer"}, {"type": "integer"}, {"const": 3}]
    assert (found["shape"]["minItems"], found["shape"]["maxItems"]) == (3, 3)
