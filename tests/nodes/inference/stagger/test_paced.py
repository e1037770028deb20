import numpy as np
import pytest

from rtgraph.msgs import Observation, WorkerState
from rtgraph.nodes.inference.stagger.paced import LEASE_LEAST_NS, Pacing
from rtgraph.nodes.inference.stagger.ring import natural_order

TEN_NS = 1e8  # observations every 10 ns


def observation(tick):
    return Observation(tick=tick, episode=0, value=np.zeros(1))


def free(worker, claim=None, inference_ns=None, incarnation=0):
    return WorkerState(
        worker=worker, incarnation=incarnation, busy=False, claim=claim, inference_ns=inference_ns
    )


def busy(worker, claim=None):
    return WorkerState(worker=worker, incarnation=0, busy=True, claim=claim)


def pacing(*workers, rate_hz=TEN_NS):
    made = Pacing(rate_hz)
    for worker in workers:
        made.update_worker(free(worker), 0)
    return made


def claim(made, now_ns, tick=None):
    """Claim now, after an observation; return (worker, number, tick), or the time of the next attempt, or None."""
    if tick is not None:
        made.add_observation(observation(tick))
    claimed = made.next_claim(now_ns)
    return claimed if claimed is None or isinstance(claimed, int) else (*claimed[:2], claimed[2].tick)


def test_without_an_observation_or_a_free_worker_there_is_no_claim():
    assert claim(pacing("w/0"), 0) is None
    assert claim(pacing(), 0, tick=0) is None


def test_an_observation_is_claimed_once_and_only_the_newest():
    made = pacing("w/0", "w/1")
    made.add_observation(observation(3))
    assert claim(made, 40, tick=4) == ("w/0", 0, 4)
    assert claim(made, 41) is None
    assert claim(made, 50, tick=5) == ("w/1", 1, 5)


def test_the_longest_free_is_first_and_then_the_lowest_number():
    made = Pacing(TEN_NS)
    for worker, now_ns in (("w/10", 5), ("w/9", 5), ("w/1", 7)):
        made.update_worker(free(worker), now_ns)
    assert [claim(made, 10 * tick, tick)[0] for tick in (1, 2, 3)] == ["w/9", "w/10", "w/1"]


def test_names_are_ordered_as_a_person_would():
    names = ["w/10", "w/9", "v/11", "w", "a/b/2", "a/b/10"]
    assert sorted(names, key=natural_order) == ["a/b/2", "a/b/10", "v/11", "w", "w/9", "w/10"]


def test_too_few_workers_claim_at_even_distances():
    made = pacing("w/0", "w/1")
    assert claim(made, 0, tick=0)[0] == "w/0"
    made.update_worker(free("w/0", claim=0, inference_ns=25), 25)  # 2.5 ticks, and two workers
    assert claim(made, 0, tick=1) == 13  # 12.5 after the last claim, rounded up
    assert claim(made, 12) == 13
    assert claim(made, 13) == ("w/1", 1, 1)
    assert claim(made, 20, tick=2) == 26


def test_enough_workers_claim_at_once():
    made = pacing("w/0", "w/1", "w/2")
    claim(made, 0, tick=0)
    made.update_worker(free("w/0", claim=0, inference_ns=25), 25)
    assert claim(made, 26, tick=2)[0] == "w/1"
    assert claim(made, 27, tick=3)[0] == "w/2"


def test_the_distance_follows_the_mean_of_those_who_live():
    made = pacing("w/0", "w/1")
    claim(made, 0, tick=0)
    made.update_worker(free("w/0", claim=0, inference_ns=40), 40)
    assert claim(made, 5, tick=1) == 20
    made.forget("w/1")
    assert claim(made, 5, tick=2) == 40


def test_observations_go_on_after_the_last_worker_has_died():
    made = pacing("w/0")
    claim(made, 0, tick=0)
    made.update_worker(free("w/0", claim=0, inference_ns=5), 5)
    made.forget("w/0")
    assert claim(made, 10, tick=1) is None
    made.update_worker(free("w/0", incarnation=1), 20)
    assert claim(made, 20)[0] == "w/0"


def test_a_state_sent_before_the_claim_arrived_frees_nobody():
    made = pacing("w/0")
    assert claim(made, 0, tick=0) == ("w/0", 0, 0)
    made.update_worker(free("w/0", claim=None), 1)
    assert claim(made, 10, tick=1) is None
    made.update_worker(free("w/0", claim=0, inference_ns=5), 11)
    assert claim(made, 12) == ("w/0", 1, 1)


def test_a_claim_that_was_lost_is_given_up_after_the_lease():
    made = pacing("w/0")
    claim(made, 0, tick=0)
    made.update_worker(free("w/0"), LEASE_LEAST_NS - 1)
    assert claim(made, LEASE_LEAST_NS - 1, tick=1) is None
    made.update_worker(free("w/0"), LEASE_LEAST_NS)
    assert claim(made, LEASE_LEAST_NS) == ("w/0", 1, 1)


def test_the_lease_is_ten_times_the_longest_of_the_latest_inferences():
    made = pacing("w/0")
    at_ns = 0
    for number, inference_ns in enumerate((5, LEASE_LEAST_NS)):
        claim(made, at_ns, tick=number)
        made.update_worker(free("w/0"), at_ns + 1)  # asks for the lease, in which this state is too early
        at_ns += inference_ns
        made.update_worker(free("w/0", claim=number, inference_ns=inference_ns), at_ns)
    claim(made, at_ns, tick=2)
    made.update_worker(free("w/0", claim=1), at_ns + 10 * LEASE_LEAST_NS - 1)
    assert claim(made, at_ns + 10 * LEASE_LEAST_NS - 1, tick=3) is None
    made.update_worker(free("w/0", claim=1), at_ns + 10 * LEASE_LEAST_NS)
    assert claim(made, at_ns + 10 * LEASE_LEAST_NS) == ("w/0", 3, 3)


def test_a_busy_worker_is_not_free():
    made = pacing("w/0")
    claim(made, 0, tick=0)
    made.update_worker(busy("w/0", claim=0), 5)
    assert claim(made, 10, tick=1) is None


def test_an_inference_is_counted_once():
    made = pacing("w/0")
    claim(made, 0, tick=0)
    made.update_worker(free("w/0", claim=0, inference_ns=25), 25)
    made.update_worker(free("w/0", claim=0, inference_ns=999), 30)  # repeated twice a second as a status
    assert claim(made, 24, tick=2) == 25


def test_a_worker_that_says_nothing_past_its_lease_does_not_count_until_it_does():
    made = pacing("w/0", "w/1")
    claim(made, 0, tick=0)
    made.update_worker(free("w/0", claim=0, inference_ns=25), 25)
    assert claim(made, 30, tick=2)[0] == "w/1"
    late_ns = 31 + LEASE_LEAST_NS
    made.add_observation(observation(3))
    assert claim(made, late_ns)[0] == "w/0"  # and now w/1 is suspected, so one lives
    made.update_worker(free("w/0", claim=2, inference_ns=25), late_ns + 1)
    assert claim(made, late_ns + 2, tick=4) == late_ns + 25
    made.update_worker(busy("w/1", claim=1), late_ns + 3)
    assert claim(made, late_ns + 4) == late_ns + 13


def test_a_restarted_worker_begins_anew():
    made = pacing("w/0")
    claim(made, 0, tick=0)
    made.update_worker(free("w/0", incarnation=1), 5)
    assert claim(made, 10, tick=1) == ("w/0", 1, 1)


def test_claims_go_on_above_those_of_the_pacer_before():
    made = Pacing(TEN_NS, first_claim=700)
    made.update_worker(free("w/0"), 0)
    assert claim(made, 0, tick=0)[1] == 700


def test_the_mean_is_plain_for_fifty_inferences_and_then_forgets():
    made = pacing("w/0", rate_hz=1e9)  # an observation every ns: there are always too few workers
    now_ns = 0
    for number in range(50):
        claim(made, now_ns, tick=number)
        now_ns += 10_000
        made.update_worker(free("w/0", claim=number, inference_ns=100), now_ns)
    claim(made, now_ns, tick=50)
    made.update_worker(free("w/0", claim=50, inference_ns=1_100), now_ns + 1)
    assert claim(made, now_ns + 1, tick=51) == now_ns + 120


@pytest.mark.parametrize("inference_ns", [10, 10**9])
def test_the_longest_inference_is_known(inference_ns):
    made = pacing("w/0")
    claim(made, 0, tick=0)
    made.update_worker(free("w/0", claim=0, inference_ns=inference_ns), 25)
    assert made.longest_ns == inference_ns
