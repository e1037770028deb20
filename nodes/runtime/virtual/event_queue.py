"""What is to happen in virtual time, in its order, and the making of it happen."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from rtgraph.msgs import Message
from rtgraph.msgs.errors import CheckpointError, RtgraphError, WorldError
from rtgraph.nodes.runtime.clock import VirtualClock
from rtgraph.nodes.runtime.context import Urgency
from rtgraph.nodes.runtime.executor import Executor
from rtgraph.nodes.runtime.results import in_one_line

MOST_EVENTS_AT_ONCE = 100_000
"""Events at one instant beyond which nodes are taken to send each other messages for ever."""

_Event = tuple[int, int, int, int, Callable[..., None], tuple[Any, ...]]


class EventQueue:
    """The events to come, in the order that ``Urgency`` gives them.

    Args:
        clock: stands at the time of the event that happens.
        calls: what an event may call, by what it is called in a checkpoint.
    """

    def __init__(self, clock: VirtualClock, calls: Mapping[str, Callable[..., None]]) -> None:
        self.events = 0
        """How many have happened."""
        self.failed: dict[Executor, str] = {}
        """The lives of nodes that an error ended, and the error."""
        self._clock = clock
        self._calls = {**calls, "nothing": self._nothing}
        self._heap: list[_Event] = []
        self._scheduled = 0
        self._at_this_instant = 0
        self._recent: deque[str] = deque(maxlen=12)

    @property
    def next_ns(self) -> int | None:
        """When the next event is due; None if there is none."""
        return self._heap[0][0] if self._heap else None

    def push(
        self, due_ns: int, urgency: int, index: int, call: Callable[..., None], arguments: tuple[Any, ...]
    ) -> None:
        """Put an event where it belongs."""
        self._scheduled += 1
        heapq.heappush(self._heap, (due_ns, urgency, index, self._scheduled, call, arguments))

    def run(
        self, until_ns: float, ended: Callable[[], object], progress: Callable[[int], None] | None
    ) -> None:
        """Make events happen while there are any that are due before a time.

        Args:
            until_ns: that time.
            ended: asked between the events of an instant that urgency parts: whether to leave off.
            progress: called with the virtual time about every 4,000 events.

        Raises:
            RtgraphError: as ``happen``.
        """
        heap, clock, pop = self._heap, self._clock, heapq.heappop
        while heap:
            due, urgency, _, _, call, arguments = heap[0]
            if due > clock.time_ns or urgency > Urgency.DELIVERY:
                if due >= until_ns or ended():
                    return
                if due > clock.time_ns:
                    clock.time_ns = due
                    self._at_this_instant = 0
            pop(heap)
            self.happen(call, arguments)
            if progress is not None and self.events % 4096 == 0:
                progress(clock.time_ns)

    def happen(self, call: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        """Make an event happen now.

        Raises:
            RtgraphError: a node failed; its life is over.
            WorldError: it failed by something else, or messages go round without time passing.
        """
        self.events += 1
        self._at_this_instant += 1
        if self._at_this_instant > MOST_EVENTS_AT_ONCE - 100:
            self._look_for_cycle(call, arguments)
        try:
            call(*arguments)
        except (Exception, SystemExit) as error:  # whatever a node's code raises
            executor = _whose(call, arguments)
            if executor is not None:
                executor.alive = False
                self.failed[executor] = in_one_line(error)
            if isinstance(error, RtgraphError):
                raise
            raise WorldError(
                f"{_who(call, arguments)} failed at {self._clock.time_ns} ns: {in_one_line(error)}"
            ) from error

    def attempt(self, call: Callable[..., None], arguments: tuple[Any, ...]) -> list[RtgraphError]:
        """Make an event happen now; return why it failed, if it did."""
        try:
            self.happen(call, arguments)
        except RtgraphError as error:
            return [error]
        return []

    def end(self) -> list[RtgraphError]:
        """Make arrive what arrives at this instant, and forget the rest; return what failed.

        What goes round for ever does not arrive.
        """
        instant = self._clock.time_ns, Urgency.DELIVERY
        going_round = self._at_this_instant > MOST_EVENTS_AT_ONCE
        self._heap = [] if going_round else sorted(event for event in self._heap if event[:2] == instant)
        self._at_this_instant = 0
        return self.settle()

    def settle(self) -> list[RtgraphError]:
        """Make everything arrive that arrives at this instant; return what failed."""
        failures: list[RtgraphError] = []
        while self._heap and self._heap[0][:2] == (self._clock.time_ns, Urgency.DELIVERY):
            _, _, _, _, call, arguments = heapq.heappop(self._heap)
            failures += self.attempt(call, arguments)
            if self._at_this_instant > MOST_EVENTS_AT_ONCE:
                self._heap.clear()
                self._at_this_instant = 0
        return failures

    # What a world checkpoint needs.

    def world_state(self) -> dict[str, Any]:
        """Return the counters and what is to come."""
        return {
            "events": self.events,
            "scheduled": self._scheduled,
            "at_this_instant": self._at_this_instant,
            "heap": [(*event[:4], *self._told(event)) for event in sorted(self._heap)],
        }

    def load_world_state(self, state: dict[str, Any]) -> None:
        """Go on with these counters and with this to come."""
        self.events, self._scheduled = state["events"], state["scheduled"]
        self._at_this_instant = state["at_this_instant"]
        self._heap = [
            (due, urgency, index, number, self._called(name), arguments)
            for due, urgency, index, number, name, arguments in state["heap"]
        ]

    def _told(self, event: _Event) -> tuple[str, tuple[Any, ...]]:
        """Return what an event is called in a checkpoint, and of what it is."""
        call, arguments = event[4:]
        executor = _whose(call, arguments)
        if executor is not None and not executor.alive:
            return "nothing", ()  # it is about a life that is over
        name = next(name for name, made in self._calls.items() if made == call)
        return name, arguments

    def _called(self, name: str) -> Callable[..., None]:
        if name not in self._calls:
            raise CheckpointError(f"an event {name!r:.60}, of which there is none")
        return self._calls[name]

    def _nothing(self) -> None:
        """Let an event pass that is about a life that is over."""

    def _look_for_cycle(self, call: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        """Note the last events of an instant that has very many; refuse to go on when there are too many."""
        name = _who(call, arguments)
        if arguments and isinstance(arguments[-1], Message):
            name = f"{arguments[-1].header.source} -> {name}.{arguments[1].name}"
        self._recent.append(name)
        if self._at_this_instant > MOST_EVENTS_AT_ONCE:
            raise WorldError(
                f"{MOST_EVENTS_AT_ONCE:,} events at {self._clock.time_ns} ns: a cycle without delay: "
                f"{', '.join(dict.fromkeys(self._recent))}",
                hint="let one of these nodes spend time or wait for a timer",
            )


def _whose(call: Callable[..., None], arguments: tuple[Any, ...]) -> Executor | None:
    """Return the node that an event is about."""
    for candidate in (getattr(call, "__self__", None), *arguments):
        if isinstance(candidate, Executor):
            return candidate
    return None


def _who(call: Callable[..., None], arguments: tuple[Any, ...]) -> str:
    executor = _whose(call, arguments)
    return "the world" if executor is None else executor.identity.name
