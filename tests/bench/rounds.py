"""Rounds: both sides measured alternately within minutes, because one figure drifts by half within an hour."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def in_turn(rounds: int, ours: Callable[[int], A], peer: Callable[[int], B]) -> tuple[list[A], list[B]]:
    """Measure both sides in every round. The first side alternates, so that neither always has the warm machine."""
    mine: list[A] = []
    theirs: list[B] = []
    for number in range(rounds):
        if number % 2 == 0:
            mine.append(ours(number))
        theirs.append(peer(number))
        if number % 2 == 1:
            mine.append(ours(number))
    return mine, theirs


def seconds(work: Callable[[], object]) -> float:
    """Return the duration of some work."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def processor_seconds(work: Callable[[], object]) -> float:
    """Return the processor time of some work in this process, which a busy machine changes less than the duration."""
    began = time.process_time()
    work()
    return time.process_time() - began


def microseconds_per_call(call: Callable[[], object], within_s: float) -> float:
    """Return the duration of a call, measured over about ``within_s``."""
    count = 16
    while (took := _time_of(call, count)) < within_s / 4:
        count *= 2
    count = max(1, round(count * within_s / took))
    return _time_of(call, count) / count * 1e6


def _time_of(call: Callable[[], object], count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        call()
    return time.perf_counter() - began
