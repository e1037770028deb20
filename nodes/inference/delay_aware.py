"""A worker that is aware of delay: the policy also sees the pending actions, which are decided but not yet applied."""

from __future__ import annotations

from typing import ClassVar

from rtgraph.msgs import Decision, Observation
from rtgraph.msgs.errors import NodeError
from rtgraph.msgs.pending import DelayAware, joined
from rtgraph.msgs.plant import empty_observation
from rtgraph.msgs.spaces import Value
from rtgraph.nodes.inference.known_actions import KnownActions
from rtgraph.nodes.inference.worker import WARM_UP_INFERENCES, Worker, WorkerParams
from rtgraph.nodes.runtime import Input, Params, queue
from rtgraph.nodes.runtime.latency import Constant, LatencyParams, latency_of

DECIDED = 4096


class DelayAwareWorkerParams(WorkerParams):
    """The parameters of a delay-aware worker."""

    delay_aware: DelayAware
    """Which pending actions (decided, not yet applied) the policy sees, and when it reads them."""
    head: LatencyParams = Constant(frames=0.1)
    """The duration of the network's head, the part that reads pending actions, with ``read: late``. ``latency`` includes this
    duration.
    """

    @property
    def pending_slots(self) -> int:
        """Number of pending actions (decided, not yet applied) that the policy sees."""
        return self.delay_aware.pending_slots


class DelayAwareWorker(Worker):
    """A worker with a policy that sees the observation together with pending actions, which are decided but not yet applied.

    Other workers compute most of the pending actions at the same time. So when an inference begins, the worker knows hardly more
    than one pending action. With ``read: late`` the network's trunk runs first, from the observation alone. Just before the inference ends,
    the worker reads the decisions of all workers from the port ``decided``. The network's head then uses these actions. Only
    actions that are decided while the head runs are still unknown.
    """

    params_type: ClassVar[type[Params]] = DelayAwareWorkerParams
    params: DelayAwareWorkerParams

    decided = Input(Decision, queue(DECIDED), many=True)

    @classmethod
    def check(cls, params: WorkerParams) -> None:
        """Also check that the policy reads pending actions, and that no part of an observation has their reserved name."""
        super().check(params)
        if not params.pending_slots:
            raise NodeError(
                "a DelayAwareWorker needs pending actions, but its parameter delay_aware selects none",
                hint="set delay_aware: {kind: pending}",
            )
        try:
            _ = params.seen
        except ValueError as error:
            problem, _, hint = str(error).partition(". hint: ")
            raise NodeError(problem, hint=hint) from error

    def on_prepare(self) -> None:
        """Make the policy. In real time, also run it a few times, because the first passes are slow."""
        self._actions = KnownActions(self.params.plant, self.params.pending_slots)
        super().on_prepare()
        head = latency_of(self.params.head, self.name)
        self._draw_head = head.draws(self.rng, self.params.plant.rate_hz)

    def _infer(self, observation: Observation) -> None:
        self._inference_ns = self._draw()
        if self.params.delay_aware.read == "start":
            self._join_and_act(observation.value)
            self.spend(self._left_ns(), self._finished)
            return
        self._features = self._policy.trunk(observation.value)
        self._head_ns = min(self._draw_head(), self._inference_ns)
        self.spend(max(0, self._left_ns() - self._head_ns), self._run_head)

    def _run_head(self) -> None:
        """Read the decisions made while the network's trunk ran. Then choose the action."""
        began_ns = self.now_ns
        self._join_and_act(self._features)
        head_ns = max(0, self._head_ns - (self.now_ns - began_ns))
        self.spend(max(head_ns, self._left_ns()), self._finished)

    def _join_and_act(self, seen: Value) -> None:
        for decision in self.decided.take_all():
            self._actions.decided(decision)
        self._known = self._actions.before(self._observed.origin())
        self._act = self._policy.act(joined(seen, self._known), self._observed.tick)
        self._versions.acted_with(self._policy.version)

    def _register(self) -> None:
        # In real time, a worker's decision would come back to it only after its next inference has begun.
        self._actions.add(self._observed.origin(), self._act.action, self._act.chunk)
        super()._register()

    def _left_ns(self) -> int:
        """Return how much time is left, in ns, until the drawn duration of the inference is over."""
        return max(0, self._inference_ns - (self.now_ns - self._began_ns))

    def _warm_up(self) -> None:
        empty = empty_observation(self.params.plant)
        pending = self._actions.code.of({})
        for _ in range(WARM_UP_INFERENCES):
            if self.params.delay_aware.read == "late":
                self._policy.warm_up(joined(self._policy.trunk(empty), pending))
            else:
                self._policy.warm_up(joined(empty, pending))
