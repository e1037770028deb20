"""Fill a replay memory from recordings, for example from a person's demonstrations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial

import numpy as np

from rtgraph.msgs import Applied, Observation
from rtgraph.msgs.bag import Bag
from rtgraph.msgs.errors import NotFinite, ReplayError
from rtgraph.nodes.replay.history import View
from rtgraph.nodes.replay.storage.buffer import ReplayBuffer
from rtgraph.nodes.replay.transitions import Assembled, Assembler, Transition


@dataclass(frozen=True, slots=True)
class FillResult:
    """The result of adding a recording to a replay memory."""

    kept: int
    """Number of transitions that were stored. A full memory drops earlier transitions for new ones."""
    not_finite: int
    """Number of transitions left out because a number in them is not finite."""
    assembled: dict[str, Assembled]
    """The counts of transitions and decisions: a dict by the name of the plant (environment or robot)."""
    problems: tuple[str, ...]
    """Problems found while the recording was read, such as damaged parts."""


def fill(
    buffer: ReplayBuffer,
    bag: Bag,
    *,
    gamma: float,
    rng: np.random.Generator | None = None,
    plant: str = "*",
    learn_default: bool = False,
    n_step: int = 1,
    clip_rewards: float | None = None,
    age_ticks: int | None = None,
    view: View | None = None,
) -> FillResult:
    """Add the transitions of a recording to a replay memory.

    Args:
        buffer: the buffer to fill.
        bag: the recording; it must contain the observations and the applied actions.
        gamma: the discount per tick.
        rng: the random generator; a buffer with ``order=reservoir`` needs one to select the transitions to keep.
        plant: a glob of the names of plants (environments or robots). A transition never mixes two plants.
        learn_default: whether transitions are also made from actions of the default behaviour β.
        n_step: number of decisions that a transition spans.
        clip_rewards: the largest size of a tick's reward; larger ones are clipped. None for no limit.
        age_ticks: age in ticks of the observation that an action is based on; None for the age in the recording.
        view: what else the agent sees at a decision; None for observations alone.

    Raises:
        ReplayError: the recording contains no such plant, or the plant's frames do not fit the memory.
        DecodeError: a message is damaged, or of another version.
    """
    assembler = partial(
        Assembler,
        gamma,
        learn_default=learn_default,
        n_step=n_step,
        clip_rewards=clip_rewards,
        age_ticks=age_ticks,
        view=view,
    )
    found = _Recording(bag, plant, assembler)
    kept = not_finite = 0
    problem = ""
    for transition in found.transitions():
        try:
            kept += buffer.add(transition, rng)
        except NotFinite as error:
            not_finite += 1
            problem = problem or error.problem
    return FillResult(
        kept,
        not_finite,
        {name: assembler.counts for name, assembler in found.assemblers.items()},
        (
            *bag.problems,
            *([f"{not_finite} transitions left out, the first for {problem}"] if problem else []),
        ),
    )


class _Recording:
    """The plants (environments or robots) of a recording, each with an ``Assembler``, which makes transitions from messages."""

    def __init__(self, bag: Bag, plant: str, assembler: Callable[[], Assembler]) -> None:
        wanted = {Observation.schema_name, Applied.schema_name}
        kinds: dict[str, set[str]] = {}
        self._bag, self._topics = bag, set[str]()
        for channel in bag.channels:
            if channel.schema_name in wanted and fnmatchcase(channel.publisher, plant):
                kinds.setdefault(channel.publisher, set()).add(channel.schema_name)
                self._topics.add(channel.topic)
        self.assemblers = {name: assembler() for name in sorted(kinds) if kinds[name] == wanted}
        if not self.assemblers:
            half = [name for name in sorted(kinds) if kinds[name] != wanted]
            raise ReplayError(
                f"{bag.path} holds no plant {plant!r} with both observations and applied actions"
                + (f" ({', '.join(half)}: only one of the two)" if half else ""),
                hint="`rtgraph bag info` lists the recorded topics; record the observations and the applied actions",
            )

    def transitions(self) -> Iterator[Transition]:
        """Yield the transitions of all plants, ordered by the message that completes a transition."""
        for recorded in self._bag.messages(
            topics=[_literal(topic) for topic in sorted(self._topics)],
            publishers=[_literal(name) for name in self.assemblers],
        ):
            message = recorded.message()
            assembler = self.assemblers[recorded.channel.publisher]
            if isinstance(message, Observation):
                yield from assembler.observed(message)
            elif isinstance(message, Applied):
                yield from assembler.applied(message)
        for assembler in self.assemblers.values():
            yield from assembler.finish()


def _literal(name: str) -> str:
    """Return a glob pattern that matches only ``name``: special characters are escaped."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
