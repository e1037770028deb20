"""Documents shared by journals and taps: encoded once, and never many large ones at a time."""

import tracemalloc

import numpy as np
import pytest

from rtgraph.msgs import Message, array, encode
from rtgraph.nodes.runtime.journal import Documents, digest_of


class Block(Message):
    number: int
    data: array("uint8", None)


def block(number, size):
    return Block(number=number, data=np.full(size, number, np.uint8))


@pytest.mark.parametrize("size", [0, 10, 200_000])
def test_a_document_and_its_digest_are_those_of_what_travels(size):
    message, documents = block(3, size), Documents()
    assert documents.document(message) == encode(message)
    assert documents.digest(message) == digest_of(encode(message))
    assert documents.document(message) == encode(message)


def test_small_documents_are_made_once():
    message, documents = block(3, 10), Documents()
    documents.digest(message)
    message.__dict__["number"] = 4
    assert documents.document(message) == encode(block(3, 10))


def test_large_messages_are_neither_kept_nor_copied_for_their_digest():
    documents = Documents(most_bytes=1_000_000)
    tracemalloc.start()
    for number in range(20):
        message = block(number, 600_000)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        documents.digest(message)
        assert tracemalloc.get_traced_memory()[1] - before < 100_000
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < 3_000_000
    assert documents.digest(message) == digest_of(encode(message))
