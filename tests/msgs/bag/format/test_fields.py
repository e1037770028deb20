"""The fields of a recorded message are read without its class; bytes that are no message are one error."""

import msgpack
import pytest

from rtgraph.msgs.bag.format.fields import fields_of
from rtgraph.msgs.errors import DecodeError
from rtgraph.msgs.wire.codec import WIRE_VERSION


@pytest.mark.parametrize(
    ("fields", "buffers", "problem"),
    [
        ({"number": 1}, ["text"], "a buffer is not bytes but str"),
        ({b"number": 1}, [], "the field's name b'number' is not text"),
    ],
)
def test_buffers_are_bytes_and_names_are_text(fields, buffers, problem):
    with pytest.raises(DecodeError, match=f"{problem}. hint: write messages as rtgraph.msgs.encode"):
        fields_of(msgpack.packb([WIRE_VERSION, bytes(8), fields, buffers]))
