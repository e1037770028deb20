"""Runs independent worlds in parallel, one per core. The worker processes never outlive the process that started them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from rtgraph.msgs.errors import LaunchError
from rtgraph.nodes.runtime.realtime.host import die_with

T = TypeVar("T")
R = TypeVar("R")


def mapped(function: Callable[[T], R], items: Sequence[T], jobs: int | None = None) -> Iterator[R]:
    """Yield ``function(item)`` for every item, in order, computed by ``jobs`` processes (default: one per core).

    Raises:
        LaunchError: one of the processes was killed.
    """
    jobs = min(jobs or os.cpu_count() or 1, len(items))
    if jobs <= 1:
        yield from map(function, items)
        return
    with _workers(jobs) as pool:
        with _terminal_held_back():  # processes started here inherit it, so that Ctrl-C reaches only this one
            results = pool.map(function, items)
        try:
            yield from results
        except BrokenProcessPool as error:
            raise LaunchError(
                f"one of {jobs} processes was killed", hint="memory may have run out: use fewer --jobs"
            ) from error


@contextlib.contextmanager
def _workers(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Provide worker processes. On an exception or interrupt, do not wait for their current work."""
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), initializer=_end_with, initargs=(os.getpid(),)
    )
    try:
        yield pool
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _terminal_held_back() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with(parent: int) -> None:
    """In a worker process: end when the parent does, even by SIGKILL."""
    try:
        die_with(parent)
    except LaunchError:  # the parent is gone already
        os._exit(1)
