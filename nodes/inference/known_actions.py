"""The pending actions (decided, not yet applied) that a worker knows, from the decisions that all workers have published."""

from __future__ import annotations

from rtgraph.msgs import Action, Decision, Lineage, PlantSpec
from rtgraph.msgs.array import Array
from rtgraph.msgs.pending import PendingCode

_Episode = tuple[str, int, int]


class KnownActions:
    """The decided actions of the running episode. Each action belongs to the tick of one observation.

    The action of a decision belongs to the tick of the observation that the decision is based on. A decision may have a chunk of
    actions for successive ticks. The second action of a chunk counts as a decision on the next observation, the third action as a
    decision on the observation after that, and so on.

    If several actions belong to the same tick, only one action counts: the action from the decision with the newest observation.
    If several decisions have the same observation, the last decision counts.

    The plant (environment or robot) applies decisions in the order of their observations. If the observation of an earlier decision
    is k ticks older than the present observation, the earlier decision is applied k ticks before the present decision. The *lag* of
    the earlier decision is k.

    Args:
        plant: the spec of observations and actions.
        slots: D, the number of lags for which ``before`` returns actions: 1 to D.
    """

    def __init__(self, plant: PlantSpec, slots: int) -> None:
        self.code = PendingCode(plant.action, slots)
        self._slots = slots
        self._episode: _Episode = ("", -1, -1)
        self._actions: dict[int, tuple[int, Action]] = {}
        """The actions by tick. Each value is the tick of the decision's observation, and the action."""

    def decided(self, decision: Decision) -> None:
        """Add the decision of a worker."""
        if decision.header.lineage is not None:
            self.add(decision.header.lineage, decision.action, decision.chunk)

    def add(self, observed: Lineage, action: Action, chunk: Array | None = None) -> None:
        """Add a decision: its observation, its action, and the actions for the next ticks.

        A decision of an earlier episode is ignored.
        """
        episode = _episode_of(observed)
        if episode != self._episode:
            if episode[1:] < self._episode[1:]:
                return
            self._episode = episode
            self._actions.clear()
        tick, actions = observed.tick, [action, *([] if chunk is None else chunk)]
        for at, acts in enumerate(actions, tick):
            if at not in self._actions or self._actions[at][0] <= tick:
                self._actions[at] = tick, acts
        if len(self._actions) > 4 * self._slots + 64 + len(actions):
            self._actions = {t: a for t, a in self._actions.items() if t > tick - 2 * self._slots - 32}

    def before(self, observed: Lineage) -> Array:
        """Return the known actions with a lag of 1 to D relative to the decision on this observation, encoded by ``PendingCode``.

        These actions are applied in the D ticks before this decision is applied.
        """
        if _episode_of(observed) != self._episode:
            return self.code.of({})
        lags = range(1, self._slots + 1)
        known = {
            lag: self._actions[observed.tick - lag][1] for lag in lags if observed.tick - lag in self._actions
        }
        return self.code.of(known)


def _episode_of(observed: Lineage) -> _Episode:
    return observed.source, observed.incarnation, observed.episode
