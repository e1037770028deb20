"""Applies a function to each of many items, in a pool of processes. The processes end when the process that started them ends."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.queues import SimpleQueue
from typing import Any, TypeVar

from rtgraph.launch.studies.study import ReportProgress
from rtgraph.msgs.errors import LaunchError
from rtgraph.nodes.runtime.realtime.host import die_with

K = TypeVar("K")
T = TypeVar("T")
R = TypeVar("R")

_LISTENING_S = 0.2
_progress: SimpleQueue[Any] | None = None
"""The queue to which a process of the pool reports progress; None in the main process."""


def computed(
    function: Callable[[T, ReportProgress], R],
    items: Mapping[K, T],
    jobs: int,
    on_progress: Callable[[K, float], None],
) -> Iterator[tuple[K, R]]:
    """Call a function once for each item, several items in parallel. Yield each item's key and result as soon as it is computed.

    Args:
        function: computes one item. It also gets a function, to call with the finished share of the item.
        items: the items, by key, in the order in which they are started.
        jobs: number of processes. With 1, the items are computed in this process.
        on_progress: called with the key of an item, and the finished share of the item, from 0 to 1.

    Raises:
        LaunchError: one of the processes was killed.
    """
    if jobs == 1:
        for key, item in items.items():
            yield key, function(item, lambda share, key=key: on_progress(key, share))  # type: ignore[misc]
        return
    progress: SimpleQueue[Any] = multiprocessing.get_context("spawn").SimpleQueue()
    with _workers(jobs, progress) as pool:
        with (
            _signals_held_back()
        ):  # half-started pools cannot shut down, and Ctrl-C must reach only this process
            keys: dict[Future[R], K] = {
                pool.submit(_compute, function, key, item): key for key, item in items.items()
            }
        left = set(keys)
        while left:
            done, left = wait(left, _LISTENING_S, FIRST_COMPLETED)
            while not progress.empty():
                on_progress(*progress.get())
            for future in done:
                try:
                    yield keys[future], future.result()
                except BrokenProcessPool as error:
                    raise LaunchError(
                        f"one of {jobs} processes was killed",
                        hint="memory may have run out: use fewer --jobs",
                    ) from error


def _compute(function: Callable[[T, ReportProgress], R], key: K, item: T) -> R:
    queue = _progress
    return function(item, lambda share: queue.put((key, share)) if queue else None)


@contextlib.contextmanager
def _workers(jobs: int, progress: SimpleQueue[Any]) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of processes. If the context ends with an exception, kill the processes at once."""
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(os.getpid(), progress)
    )
    try:
        yield pool
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.kill()
        pool.shutdown(wait=False, cancel_futures=True)  # its thread may not have started: it cannot be joined
        raise
    pool.shutdown()


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """Block the signals that end an rtgraph command, such as Ctrl-C. Processes that are started in this context inherit the block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGHUP, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(parent: int, progress: SimpleQueue[Any]) -> None:
    """Prepare a new process of the pool: it ends when its parent process ends, even if the parent is killed by SIGKILL."""
    global _progress  # noqa: PLW0603 - functions sent to a pool cannot hold a queue
    _progress = progress
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))
    try:
        die_with(parent)
    except LaunchError:  # the parent is gone already
        os._exit(1)
