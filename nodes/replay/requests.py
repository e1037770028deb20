"""The learners' requests for batches that the replay node has not answered yet."""

from __future__ import annotations

from dataclasses import dataclass

from rtgraph.msgs import BatchRequest


@dataclass(slots=True)
class _LearnerRequests:
    """The newest request of a learner, and counts of its requests."""

    newest: BatchRequest
    requests: int = 1
    answers: int = 0
    restarts: int = 0
    earlier_unread: int = 0
    """Number of batches that the learner could not read before its last restart."""


class Requests:
    """The open requests for batches in their order of arrival. Each learner has at most one open request, its newest.

    A request that a learner repeats keeps its position. A request older than the learner's newest one is ignored.
    """

    def __init__(self) -> None:
        self._learners: dict[str, _LearnerRequests] = {}
        self._open: dict[str, BatchRequest] = {}
        self.passed_over = 0
        """Number of ignored requests: a newer request of the same learner had arrived before."""
        self.replaced = 0
        """Number of requests that were never answered, because a newer request of the same learner replaced them."""

    def __len__(self) -> int:
        """Return the number of open requests."""
        return len(self._open)

    @property
    def learners(self) -> int:
        """Number of learners that ever sent a request."""
        return len(self._learners)

    @property
    def first(self) -> BatchRequest | None:
        """The request that has waited longest; None without an open request."""
        return next(iter(self._open.values()), None)

    def take(self, request: BatchRequest) -> bool:
        """Add a request. Return whether this request was answered before: then the answer was lost."""
        learner = self._learners.get(request.learner)
        if learner is None:
            self._learners[request.learner] = _LearnerRequests(request)
        elif _age(request) < _age(learner.newest):
            self.passed_over += 1
            return False
        elif _age(request) == _age(learner.newest):
            if request.learner not in self._open:
                return True
            learner.newest = self._open[request.learner] = request
            return False
        else:
            if request.incarnation > learner.newest.incarnation:
                learner.restarts += 1
                learner.earlier_unread += learner.newest.unread
            learner.requests += 1
            learner.newest = request
            self.replaced += self._open.pop(request.learner, None) is not None
        self._open[request.learner] = request
        return False

    def answered(self, request: BatchRequest) -> None:
        """Record that a request was answered."""
        self._open.pop(request.learner, None)
        self._learners[request.learner].answers += 1

    def as_json(self) -> dict[str, dict[str, int]]:
        """Return the counts of requests, answers, unread batches and restarts as JSON values: a dict by the name of the learner."""
        return {
            name: {
                "requests": learner.requests,
                "answers": learner.answers,
                "unread": learner.earlier_unread + learner.newest.unread,
                "restarts": learner.restarts,
            }
            for name, learner in sorted(self._learners.items())
        }


def _age(request: BatchRequest) -> tuple[int, int]:
    return request.incarnation, request.number
