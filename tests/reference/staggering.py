"""A slow reference of one plant with N inference workers, under four staggering methods.

The methods are those of Riemer, Subbaraj, Berseth and Rish, "Enabling Realtime Reinforcement Learning at Scale
with Staggered Asynchronous Inference" (ICLR 2025, arXiv 2412.14355), Algorithms 1 and 2; no staggering at all; and
paced claims with a playout buffer on the plant. This file shares nothing with the package: it is the standard that
the node graph is tested against, so it is written to be read, not to be fast. There is no event queue. `simulate`
goes from one instant at which something is due to the next, and does everything due there in this order:

1. by worker index, one after another: inferences that finish report, and decisions that are due arrive at the
   plant;
2. the tick: the gate chooses among the arrivals so far (this instant included), then the observation of this tick
   becomes readable (at this instant);
3. the claim timer, and 4. the free workers start again, by worker index, from the newest observation.

All inferences take at least 1 ns, so work at an instant never makes more work at the same instant.

Time is integer nanoseconds. A tick's period is 10**9 / rate, rounded to the nearest whole number; tick k is at k
periods, and its observation has the number k. An inference time in frames is that many periods, rounded to the
nearest nanosecond. The workers begin at time 0, just after observation 0. All other fractions of a nanosecond are
rounded down, except the distance between paced claims, which is a lower bound and is rounded up.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

SECOND = 10**9
METHODS = ("none", "maximum_time", "expected_time", "paced")
KINDS = ("const", "norm5", "logn", "eps50", "spike")


def draw(kind, rng, size, mean_frames=5.3, rate=60):
    """Draw inference times, in ns, as an int64 array of the given size (for `simulate`: workers x inferences).

    `const` is the mean; `norm5` is normal with 5 % sd; `logn` is lognormal with sigma 0.5 and the given mean; in `eps50`
    each decision is greedy (the mean) or random (2 % of the mean) with probability 1/2 each, as epsilon-greedy at 0.5, so
    the mean of the draws is 51 % of the given one; `spike` is normal with 3 % sd, but 0.2 % of the decisions take exactly
    ten times the mean.
    """
    if kind == "const":
        frames = np.full(size, mean_frames)
    elif kind == "norm5":
        frames = rng.normal(mean_frames, 0.05 * mean_frames, size)
    elif kind == "logn":
        sigma = 0.5
        frames = rng.lognormal(math.log(mean_frames) - sigma**2 / 2, sigma, size)
    elif kind == "eps50":
        frames = np.where(rng.random(size) < 0.5, 0.02 * mean_frames, mean_frames)
    elif kind == "spike":
        usual = rng.normal(mean_frames, 0.03 * mean_frames, size)
        frames = np.where(rng.random(size) < 0.002, 10 * mean_frames, usual)
    else:
        raise ValueError(f"kind {kind!r} is not one of {', '.join(KINDS)}")
    return np.maximum(np.rint(frames * period_ns(rate)), 1).astype(np.int64)


def period_ns(rate):
    """Return the time from one tick to the next."""
    below = int(SECOND // rate)
    return below if SECOND - below * rate <= (below + 1) * rate - SECOND else below + 1


def tick_ns(tick, rate=60):
    """Return the time of a tick."""
    return tick * period_ns(rate)


def dist(x, y, n):
    """Return how far process x is behind process y in the cycle of n processes: 1 for the next process after y.

    The cycle follows the indices: y, y + 1, ... The other direction spaces the first round just as evenly, but not the
    rounds after a later rise of m: the processes then act in the order of their delays, and the process that acts j-th
    after y must come j * (tau - m) / n later than before. (See the test of a rise.)
    """
    return (x - y) % n


@dataclass(slots=True)
class Decision:
    """One inference and its fate."""

    worker: int
    observation: int  # tick of the observation that it used
    start_ns: int
    due_ns: int = -1  # when it is registered, that is, arrives at the plant; -1: not yet
    arrival_tick: int = -1  # the first tick at or after due_ns
    applied_tick: int = -1
    fate: str = "inferring"  # arrived; then applied, overwritten (by a newer one) or late (older than the last applied)


# ---- the methods ----------------------------------------------------------------------------------------------------


class NoStaggering:
    """Every process: infer from the newest state, register, repeat. Without offsets the processes stay in step."""

    def __init__(self, n):
        self.n = n
        self.pending_ns = [0] * n

    def report(self, process, tau_ns):
        """Handle a process's inference time; return whether it registers its action at once."""
        return True

    def take_pending(self, process):
        """Return the time that a process must sleep before it infers, and clear it.

        Delay added while it sleeps applies to its next round.
        """
        delay_ns, self.pending_ns[process] = self.pending_ns[process], 0
        return delay_ns


class MaximumTime(NoStaggering):
    """Algorithm 1, maximum-time interaction staggering."""

    def __init__(self, n):
        super().__init__(n)
        self.m_ns = 0  # the largest inference time so far

    def report(self, process, tau_ns):
        # If tau >= m, every other process n gets dist(n, self) * (tau - m) / N more delay, then m becomes tau.
        if tau_ns >= self.m_ns:
            for other in range(self.n):
                if other != process:
                    self.pending_ns[other] += dist(other, process, self.n) * (tau_ns - self.m_ns) // self.n
            self.m_ns = tau_ns
            return True
        return False

    def hold_ns(self, tau_ns):
        # Else it sleeps m - tau, then registers the action. m is the one at its own report.
        return self.m_ns - tau_ns


class ExpectedTime(NoStaggering):
    """Algorithm 2, expected-time interaction staggering. The running mean is floor(sum / count), 0 before any."""

    def __init__(self, n):
        super().__init__(n)
        self.sum_ns = 0
        self.count = 0

    def mean_ns(self):
        return self.sum_ns // self.count if self.count else 0

    def report(self, process, tau_ns):
        # Update mu; delta is its change.
        before_ns = self.mean_ns()
        self.sum_ns += tau_ns
        self.count += 1
        delta_ns = self.mean_ns() - before_ns
        for other in range(self.n):
            if other == process:
                continue
            behind = dist(other, process, self.n)
            # If delta >= 0, every other process n gets dist(n, self) * |delta| / N more delay,
            if delta_ns >= 0:
                self.pending_ns[other] += behind * delta_ns // self.n
            # else (N - dist(n, self)) * |delta| / N: more for those closer behind.
            else:
                self.pending_ns[other] += (self.n - behind) * -delta_ns // self.n
        # The action is registered at once.
        return True


class Paced:
    """Paced claims: each observation is used by at most one inference, and no worker waits with a finished action.

    A claim is made at the first instant (a tick, a freed worker, or the timer between them) at which a worker is free,
    the newest observation is unclaimed, and the distance to the last claim is kept. The worker that has been free the
    longest claims it. An observation older than a claimed one is never claimed.
    """

    def __init__(self, n, rate):
        self.n = n
        self.rate = rate
        self.mean_ns = 0.0
        self.count = 0
        self.free_since_ns = dict.fromkeys(range(n), 0)  # the free workers
        self.claimed = -1  # the newest claimed observation
        self.claimed_ns = 0

    def report(self, process, tau_ns):
        """Update the running mean: a plain mean of the first 50 inferences, an exponential one afterwards."""
        self.count += 1
        self.mean_ns += max(1 / self.count, 0.02) * (tau_ns - self.mean_ns)
        return True

    def earliest_ns(self):
        """Return the earliest time of the next claim: mean / N after the last one if there are too few workers."""
        too_few = self.n * period_ns(self.rate) < self.mean_ns
        return self.claimed_ns + math.ceil(self.mean_ns / self.n) if too_few else self.claimed_ns

    def timer_ns(self, newest):
        """Return when to check again without another event; None if a check would not help."""
        return self.earliest_ns() if self.free_since_ns and newest > self.claimed else None

    def claim(self, now_ns, newest):
        """Return the worker that starts on the newest observation now; None if none does."""
        if not self.free_since_ns or newest <= self.claimed or now_ns < self.earliest_ns():
            return None
        worker = min(self.free_since_ns, key=lambda each: (self.free_since_ns[each], each))
        del self.free_since_ns[worker]
        self.claimed, self.claimed_ns = newest, now_ns
        return worker


# ---- the gates ------------------------------------------------------------------------------------------------------


class Latest:
    """Apply the newest of the decisions that arrived since the last tick once, and keep none.

    Newest refers to the observation. If the later arrival won instead, whatever its observation (unless it is older than
    the last applied one), fewer decisions would come too late, but actions would be older. It makes a difference only if
    inference times vary much.
    """

    playout = 0

    def __init__(self):
        self.last = -1  # observation of the last applied decision

    def choose(self, tick, arrived):
        """Return the decision to apply at this tick, None for the default behaviour; mark the fate of all others."""
        chosen = None
        for decision in arrived:  # in order of arrival
            if decision.observation < self.last:  # strictly older: an equal one may act
                decision.fate = "late"
            # The later arrival wins a tie.
            elif chosen is None or decision.observation >= chosen.observation:
                if chosen is not None:
                    chosen.fate = "overwritten"
                chosen = decision
            else:
                decision.fate = "overwritten"
        if chosen is not None:
            self.last = chosen.observation
        return chosen


def quantile_99(ages):
    """Return the element floor(0.99 n) of n sorted ages, counted from 0."""
    return sorted(ages)[len(ages) * 99 // 100]


class Playout:
    """Hold each decision until its observation is D ticks old, so that the delay is nearly constant.

    D is the 0.99-quantile of the arrival ages (first tick at or after the arrival - observation) of the last 400
    decisions, late ones included. It is computed after a tick's ages are added and before the choice, at every tick
    below 50 and at every 20th tick afterwards. Before that it is 0 (no arrival is held).
    """

    def __init__(self):
        self.last = -1
        self.held = []
        self.ages = deque(maxlen=400)
        self.playout = 0

    def choose(self, tick, arrived):
        self.ages.extend(tick - decision.observation for decision in arrived)
        if self.ages and (tick < 50 or tick % 20 == 0):
            self.playout = quantile_99(self.ages)

        for decision in arrived:
            if decision.observation < self.last:
                decision.fate = "late"
            else:
                self.held.append(decision)

        ripe = [decision for decision in self.held if decision.observation <= tick - self.playout]
        # There are no ties: no observation is claimed twice.
        chosen = max(ripe, key=lambda each: each.observation, default=None)
        if chosen is not None:
            for decision in self.held:
                if decision.observation < chosen.observation:
                    decision.fate = "overwritten"
            self.held = [decision for decision in self.held if decision.observation > chosen.observation]
            self.last = chosen.observation
        return chosen


# ---- the plant and its workers --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Worker:
    """What a worker is doing (`sleeping`, `inferring`, `holding` its decision, or `free`) and until when."""

    index: int
    doing: str = "free"
    until_ns: float = math.inf
    decision: Decision | None = None
    tau_ns: int = 0
    inferences: int = 0


@dataclass
class Result:
    """The events of each tick and of each decision; the figures cover the last three quarters of the ticks."""

    applied: list = field(default_factory=list)  # per tick 0..ticks: the observation acted on, -1: none
    playout: list = field(default_factory=list)  # per tick: D
    decisions: list = field(default_factory=list)  # in the order of their start

    @property
    def measured(self):
        """The evaluated ticks: 5,001 to 20,000 of 20,000."""
        ticks = len(self.applied) - 1
        return range(ticks // 4 + 1, ticks + 1)

    @property
    def inaction(self):
        """Share of the ticks at which no decision was applied and the default behaviour acted."""
        return sum(self.applied[tick] < 0 for tick in self.measured) / len(self.measured)

    @property
    def ages(self):
        """Ticks from the observation to its application, for each applied decision."""
        return [tick - self.applied[tick] for tick in self.measured if self.applied[tick] >= 0]

    @property
    def age_mean(self):
        return float(np.mean(self.ages)) if self.ages else math.nan

    @property
    def age_sd(self):
        return float(np.std(self.ages)) if self.ages else math.nan

    @property
    def wasted(self):
        """Share of the decisions arriving in the evaluated ticks that were never applied (or not yet, at the end)."""
        arrived = [d for d in self.decisions if d.arrival_tick in self.measured]
        return sum(d.applied_tick < 0 for d in arrived) / len(arrived) if arrived else math.nan

    def fates(self):
        """Count the decisions of the whole run by fate."""
        return {
            fate: sum(d.fate == fate for d in self.decisions)
            for fate in sorted({d.fate for d in self.decisions})
        }

    def spacing_ns(self):
        """Return the times between consecutive decisions reaching the plant, over the whole run."""
        due = sorted(d.due_ns for d in self.decisions if d.fate != "inferring")
        return [later - earlier for earlier, later in pairwise(due)]


def simulate(method, draws, workers, ticks=20_000, rate=60):
    """Run a plant from tick 0 to tick `ticks`, both included, with one of `METHODS`.

    Args:
        method: `paced` has the playout gate, the others the latest gate.
        draws: Inference times in ns, at least 1: `draws[worker][j]` is the worker's j-th, or `draws(worker, j)` if it is
            callable. Each is read once, when the inference starts; inferences that start at the same instant are read in
            worker order.
        workers: Number of workers.
        ticks: Number of the last tick.
        rate: Ticks per second.
    """
    return _Plant(method, draws, workers, rate).run(ticks)


class _Plant:
    def __init__(self, method, draws, n, rate):
        if method not in METHODS:
            raise ValueError(f"method {method!r} is not one of {', '.join(METHODS)}")
        self.draws = draws if callable(draws) else lambda worker, j: int(draws[worker][j])
        self.rate = rate
        self.workers = [Worker(index) for index in range(n)]
        self.newest = -1  # the newest observation
        self.arrived = []  # decisions since the last tick
        self.result = Result()
        if method == "paced":
            self.method, self.gate = Paced(n, rate), Playout()
        else:
            staggering = {"none": NoStaggering, "maximum_time": MaximumTime, "expected_time": ExpectedTime}
            self.method, self.gate = staggering[method](n), Latest()

    def run(self, ticks):
        now_ns = 0
        while True:
            self.reports_and_arrivals(now_ns)
            if now_ns == tick_ns(self.newest + 1, self.rate):
                self.tick(self.newest + 1)
                if self.newest == ticks:
                    return self.result
            self.starts(now_ns)
            now_ns = self.next_instant_ns()

    def next_instant_ns(self):
        instants = [tick_ns(self.newest + 1, self.rate)] + [worker.until_ns for worker in self.workers]
        if isinstance(self.method, Paced):
            timer_ns = self.method.timer_ns(self.newest)
            if timer_ns is not None:
                instants.append(timer_ns)
        return min(instants)

    def reports_and_arrivals(self, now_ns):
        for worker in self.workers:
            if worker.until_ns != now_ns or worker.doing == "sleeping":
                continue
            if worker.doing == "holding" or self.method.report(worker.index, worker.tau_ns):
                self.register(worker, now_ns)
            else:
                worker.doing, worker.until_ns = "holding", now_ns + self.method.hold_ns(worker.tau_ns)

    def register(self, worker, now_ns):
        worker.decision.due_ns = now_ns
        worker.decision.fate = "arrived"
        self.arrived.append(worker.decision)
        worker.doing, worker.until_ns, worker.decision = "free", math.inf, None
        if isinstance(self.method, Paced):
            self.method.free_since_ns[worker.index] = now_ns

    def tick(self, tick):
        for decision in self.arrived:
            decision.arrival_tick = tick
        chosen = self.gate.choose(tick, self.arrived)
        if chosen is not None:
            chosen.applied_tick, chosen.fate = tick, "applied"
        self.result.applied.append(-1 if chosen is None else chosen.observation)
        self.result.playout.append(self.gate.playout)
        self.arrived = []
        self.newest = tick

    def starts(self, now_ns):
        if isinstance(self.method, Paced):
            claimant = self.method.claim(now_ns, self.newest)
            if claimant is not None:
                self.infer(self.workers[claimant], now_ns)
            return
        for worker in self.workers:
            if worker.doing == "free":
                worker.doing, worker.until_ns = "sleeping", now_ns + self.method.take_pending(worker.index)
            if worker.doing == "sleeping" and worker.until_ns == now_ns:
                self.infer(worker, now_ns)

    def infer(self, worker, now_ns):
        worker.tau_ns = self.draws(worker.index, worker.inferences)
        if worker.tau_ns < 1:
            raise ValueError(
                f"an inference time of {worker.tau_ns} ns: worker {worker.index} would never let time pass"
            )
        worker.inferences += 1
        worker.doing, worker.until_ns = "inferring", now_ns + worker.tau_ns
        worker.decision = Decision(worker.index, self.newest, now_ns)
        self.result.decisions.append(worker.decision)
