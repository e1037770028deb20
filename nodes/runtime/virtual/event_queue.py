"""The events of virtual time: their order, and their execution."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from rtgraph.msgs import Message
from rtgraph.msgs.errors import CheckpointError, RtgraphError, WorldError
from rtgraph.msgs.typed.one_line import in_one_line
from rtgraph.nodes.runtime.clock import VirtualClock
from rtgraph.nodes.runtime.executor import Executor
from rtgraph.nodes.runtime.interface.context import Timer, Urgency

MOST_EVENTS_AT_ONCE = 100_000
"""Maximum number of events at one instant. With more events, the nodes are assumed to send messages in an endless loop."""

SUSPICIOUS_EVENTS = MOST_EVENTS_AT_ONCE - 100
"""Once an instant has this many events, the receivers of further events are recorded. The error about an endless loop names them."""

_fire = Executor.fire  # attributes of classes take longer to look up
_Event = tuple[int, int, int, int, Callable[..., None], tuple[Any, ...]]


class EventQueue:
    """The pending events of virtual time, in the order of ``Urgency``.

    Args:
        clock: the clock, which is set to the time of the running event.
        calls: the functions that an event may call besides ``Executor.fire``, by their names in a checkpoint.
        interruption: the exception that signal handlers raise. It ends the run at once, and counts as no error of a node.
    """

    def __init__(
        self,
        clock: VirtualClock,
        calls: Mapping[str, Callable[..., None]],
        interruption: type[BaseException] = KeyboardInterrupt,
    ) -> None:
        self.events = 0
        """Number of events that have run."""
        self.over = False
        """Whether the run is ending. Messages and completed work of this instant are still handled."""
        self.failed: dict[Executor, str] = {}
        """The executors of nodes that failed, with the error."""
        self._clock = clock
        self._interruption = interruption
        self._calls: dict[str, Callable[..., None]] = {"fire": _fire, **calls, "nothing": self._nothing}
        self._heap: list[_Event] = []
        self._scheduled = 0
        self._before_this_instant = 0
        """Number of events that had run when this instant began."""
        self._recent: deque[str] = deque(maxlen=12)

    @property
    def next_ns(self) -> int | None:
        """The time of the next event; None if there is no event."""
        return self._heap[0][0] if self._heap else None

    @property
    def _at_this_instant(self) -> int:
        """Number of events that have run at this instant."""
        return self.events - self._before_this_instant

    def schedule(self, executor: Executor, timer: Timer) -> None:
        """Schedule a call of a node's method. If the time of the call is over, the call is due now."""
        due_ns = max(timer.due_ns, self._clock.time_ns)
        self._scheduled = number = self._scheduled + 1
        heapq.heappush(self._heap, (due_ns, timer.urgency, executor.index, number, _fire, (executor, timer)))

    def push(
        self, due_ns: int, urgency: int, index: int, call: Callable[..., None], arguments: tuple[Any, ...]
    ) -> None:
        """Insert an event: ``call(*arguments)`` at ``due_ns``. Events of the same time and urgency run in order of ``index``.

        ``index`` is the place of the event's node in the plan (the resolved launch file).
        """
        self._scheduled += 1
        heapq.heappush(self._heap, (due_ns, urgency, index, self._scheduled, call, arguments))

    def run(
        self,
        until_ns: float,
        progress: Callable[[int], None] | None = None,
        reached: Callable[[], object] | None = None,
    ) -> None:
        """Run all events that are due before a time, unless the run is ``over`` earlier.

        Args:
            until_ns: the time before which events are run.
            progress: called with the virtual time in ns, about every 4,000 events.
            reached: called before each event. The run ends once it returns a true value.

        Raises:
            RtgraphError: a node raised this error.
            WorldError: a node raised any other exception, or nodes send messages in an endless loop at one instant.
        """
        heap, clock, pop = self._heap, self._clock, heapq.heappop
        delivery, now_ns = int(Urgency.DELIVERY), clock.time_ns
        suspicious = self._before_this_instant + SUSPICIOUS_EVENTS
        while heap:
            if reached is not None and reached():
                return
            due, urgency, _, _, call, arguments = heap[0]
            if due > now_ns or urgency != delivery:
                if due >= until_ns or self.over:
                    return
                if due > now_ns:
                    clock.time_ns = now_ns = due
                    self._before_this_instant = self.events
                    suspicious = self.events + SUSPICIOUS_EVENTS
            pop(heap)
            # As ``happen``, without a call: a tick has four events.
            self.events = events = self.events + 1
            if events > suspicious:
                self._look_for_cycle(call, arguments)
            try:
                call(*arguments)
            except BaseException as error:  # whatever a node's code raises
                failure = self._failure(error, call, arguments)
                if failure is error:
                    raise
                raise failure from error
            if progress is not None and events % 4096 == 0:
                progress(now_ns)

    def happen(self, call: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        """Run an event now. A node that raises an error has failed, and gets no more events.

        Raises:
            RtgraphError: a node raised this error.
            WorldError: a node raised any other exception, or nodes send messages in an endless loop at one instant.
        """
        self.events = events = self.events + 1
        if events - self._before_this_instant > SUSPICIOUS_EVENTS:
            self._look_for_cycle(call, arguments)
        try:
            call(*arguments)
        except BaseException as error:  # whatever a node's code raises
            failure = self._failure(error, call, arguments)
            if failure is error:
                raise
            raise failure from error

    def attempt(self, call: Callable[..., None], arguments: tuple[Any, ...]) -> list[RtgraphError]:
        """Run an event now. Return a list with the error that it raises; the list is empty if it raises none."""
        try:
            self.happen(call, arguments)
        except RtgraphError as error:
            return [error]
        return []

    def end(self) -> list[RtgraphError]:
        """Deliver messages and complete work of this instant, and discard all other events. Return the errors that nodes raise.

        If nodes have already sent messages in an endless loop at this instant, all events are discarded.
        """
        instant = self._clock.time_ns, Urgency.DELIVERY
        going_round = self._at_this_instant > MOST_EVENTS_AT_ONCE
        self._heap = [] if going_round else sorted(event for event in self._heap if event[:2] == instant)
        self._before_this_instant = self.events
        return self.settle()

    def settle(self) -> list[RtgraphError]:
        """Deliver all messages and complete the work of this instant. Return a list of the errors.

        If nodes send messages in an endless loop, all remaining events are discarded, also those of later instants.
        """
        failures: list[RtgraphError] = []
        while self._heap and self._heap[0][:2] == (self._clock.time_ns, Urgency.DELIVERY):
            _, _, _, _, call, arguments = heapq.heappop(self._heap)
            failures += self.attempt(call, arguments)
            if self._at_this_instant > MOST_EVENTS_AT_ONCE:
                self._heap.clear()
                self._before_this_instant = self.events
        return failures

    # For world checkpoints.

    def world_state(self) -> dict[str, Any]:
        """Return the counters and the pending events."""
        return {
            "events": self.events,
            "scheduled": self._scheduled,
            "at_this_instant": self._at_this_instant,
            "heap": [(*event[:4], *self._saved(event)) for event in sorted(self._heap)],
        }

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Restore the counters and the pending events."""
        self.events, self._scheduled = state["events"], state["scheduled"]
        self._before_this_instant = self.events - state["at_this_instant"]
        self._heap = [
            (due, urgency, index, number, self._called(name), arguments)
            for due, urgency, index, number, name, arguments in state["heap"]
        ]

    def _saved(self, event: _Event) -> tuple[str, tuple[Any, ...]]:
        """Return the name of an event's function, as in a checkpoint, and the event's arguments."""
        call, arguments = event[4:]
        executor = _executor_of(call, arguments)
        if executor is not None and not executor.alive:
            return "nothing", ()  # the event's node has ended
        name = next(name for name, made in self._calls.items() if made == call)
        return name, arguments

    def _called(self, name: str) -> Callable[..., None]:
        if name not in self._calls:
            raise CheckpointError(
                f"the checkpoint has an event {name!r:.60}, which this version of rtgraph does not know"
            )
        return self._calls[name]

    def _failure(
        self, error: BaseException, call: Callable[..., None], arguments: tuple[Any, ...]
    ) -> BaseException:
        """Mark the node of an event as failed. Return the error to raise."""
        if isinstance(error, self._interruption):
            return error
        executor = _executor_of(call, arguments)
        if executor is not None:
            executor.alive = False
            self.failed[executor] = in_one_line(error)
        if isinstance(error, RtgraphError):
            return error
        return WorldError(f"{_who(call, arguments)} failed at {self._clock.time_ns} ns: {in_one_line(error)}")

    def _nothing(self) -> None:
        """Ignore an event of a node that has ended."""

    def _look_for_cycle(self, call: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        """Note the receiver of an event, to find an endless loop of messages. Called when an instant has very many events.

        Raises:
            WorldError: the instant has more than ``MOST_EVENTS_AT_ONCE`` events. The error names the last receivers.
        """
        name = _who(call, arguments)
        if arguments and isinstance(arguments[-1], Message):
            name = f"{arguments[-1].header.source} -> {name}.{arguments[1].name}"
        self._recent.append(name)
        if self._at_this_instant > MOST_EVENTS_AT_ONCE:
            raise WorldError(
                f"{MOST_EVENTS_AT_ONCE:,} events happened at {self._clock.time_ns} ns, probably because nodes send messages "
                "in a cycle without delay, or a node calls after(0, …) again and again: "
                f"{', '.join(dict.fromkeys(self._recent))}",
                hint="let one of these nodes call spend() or after() with more than 0 ns",
            )


def _executor_of(call: Callable[..., None], arguments: tuple[Any, ...]) -> Executor | None:
    """Return the executor of the node that an event belongs to; None if it belongs to no node."""
    for candidate in (getattr(call, "__self__", None), *arguments):
        if isinstance(candidate, Executor):
            return candidate
    return None


def _who(call: Callable[..., None], arguments: tuple[Any, ...]) -> str:
    executor = _executor_of(call, arguments)
    return "the world" if executor is None else executor.identity.name
