"""Typed text: the written value, or an error."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import oracle, typed
from support.examples import examples

from rtgraph.msgs.typed.text import number, readable, truth, whole_number


def read(reader, text):
    try:
        return reader(text)
    except ValueError:
        return None


@pytest.mark.parametrize(
    "text", ["0x10", "0o17", "1_000", "1e3", "1.0", " 5", "5 ", "", "-", "٣", "²", "9" * 5000, "nan"]
)
def test_what_is_no_whole_number_is_refused(text):
    with pytest.raises(ValueError, match=r"should be a whole number|64 bits"):
        whole_number(text)


@pytest.mark.parametrize(
    "text", ["nan", "inf", "-inf", "Infinity", "1_0.5", "1e400", "1e-400", "0x1p3", "", ".", "1e", "12:30"]
)
def test_what_is_no_number_is_refused(text):
    with pytest.raises(ValueError, match=r"should be a finite number|too large for a float|rounds it to 0"):
        number(text)


def test_zeros_in_front_do_not_count_and_signs_do():
    assert (whole_number("010"), whole_number("-007"), whole_number("+5"), number("010.50")) == (
        10,
        -7,
        5,
        10.5,
    )
    assert math.copysign(1, number("-0.0")) == -1


@pytest.mark.parametrize("text", ["on", "off", "yes", "no", "1", "0", "t", "", "true "])
def test_only_true_and_false_are_truth_values(text):
    assert (truth("true"), truth("False")) == (True, False)
    with pytest.raises(ValueError, match="should be true or false"):
        truth(text)


def test_text_that_is_not_utf8_is_refused():
    assert readable("é") == "é"
    with pytest.raises(ValueError, match="is not UTF-8"):
        readable("a\udcff")


@examples(200)
@given(typed.text)
def test_it_is_read_as_the_slow_way_reads_it(text):
    assert read(whole_number, text) == oracle.whole(text)
    assert read(number, text) == oracle.nearest(text)
    assert read(truth, text) == oracle.is_truth(text)


@examples(100)
@given(st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_written_is_read_back(whole, real):
    assert whole_number(str(whole)) == whole
    assert number(repr(real)) == real
