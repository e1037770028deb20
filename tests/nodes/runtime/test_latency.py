import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from rtgraph.msgs.errors import NodeError
from rtgraph.nodes.runtime.latency import Constant, LatencyParams, latency_of

RATE_HZ = 60.0
FRAME_NS = 16_666_667
PARAMS = TypeAdapter(LatencyParams)


def draws(count=20_000, seed=0, rate_hz=RATE_HZ, **params):
    draw = PARAMS.validate_python(params).draws(np.random.default_rng(seed), rate_hz)
    return np.array([draw() for _ in range(count)])


@pytest.mark.parametrize("kind", ["constant", "padded"])
def test_a_constant_is_rounded_to_the_nanosecond(kind):
    assert set(draws(5, kind=kind, frames=5.3)) == {88_333_335}
    assert set(draws(5, kind=kind, frames=70)) == {1_166_666_690}
    assert set(draws(5, kind=kind, ms=12.5)) == {12_500_000}
    assert set(draws(5, kind=kind, ms=16.6666669)) == {FRAME_NS}


def test_a_normal_has_its_mean_and_spread_and_never_falls_below_a_hundredth():
    times = draws(kind="normal", frames=5.3, sd=0.05) / FRAME_NS
    assert times.mean() == pytest.approx(5.3, rel=0.002)
    assert times.std() == pytest.approx(0.265, rel=0.03)
    assert draws(kind="normal", frames=5.3, sd=3.0).min() == round(0.053 * FRAME_NS)


def test_a_lognormal_has_its_mean_and_spread():
    times = draws(kind="lognormal", frames=5.3) / FRAME_NS
    assert times.mean() == pytest.approx(5.3, rel=0.02)
    assert np.log(times).std() == pytest.approx(0.5, rel=0.03)


def test_a_mixture_has_two_times():
    times = draws(kind="mixture", frames=5.3, epsilon=0.25) / FRAME_NS
    assert np.unique(times) == pytest.approx([0.106, 5.3])
    assert (times < 1).mean() == pytest.approx(0.25, abs=0.015)


def test_each_part_of_a_mixture_may_be_lognormal():
    times = draws(kind="mixture", ms=80, epsilon=0.25, cost=0.1, sigma=0.1, cost_sigma=0.4) / 1e6
    short = times[times < 30]
    assert len(short) / len(times) == pytest.approx(0.25, abs=0.015)
    assert short.mean() == pytest.approx(8, rel=0.02)
    assert np.log(short).std() == pytest.approx(0.4, rel=0.05)
    assert np.log(times[times > 30]).std() == pytest.approx(0.1, rel=0.05)


def test_spikes_are_exactly_so_many_times_the_mean():
    times = draws(kind="spikes", frames=5.3, probability=0.05) / FRAME_NS
    spikes = times > 40
    assert np.unique(times[spikes]) == pytest.approx([53.0])
    assert spikes.mean() == pytest.approx(0.05, rel=0.15)
    assert times[~spikes].std() == pytest.approx(0.159, rel=0.05)


def test_measured_times_are_repeated_or_drawn(tmp_path):
    assert draws(5, kind="empirical", values_ms=[1.5, 2], order="sequence").tolist() == [
        1_500_000,
        2_000_000,
    ] * 2 + [1_500_000]
    drawn = draws(400, kind="empirical", values_ms=[1.5, 2])
    assert set(drawn) == {1_500_000, 2_000_000}
    assert 140 < (drawn == 2_000_000).sum() < 260
    (tmp_path / "times.txt").write_text("1.5\n2\n")
    assert draws(2, kind="empirical", file=str(tmp_path / "times.txt"), order="sequence").tolist() == [
        1_500_000,
        2_000_000,
    ]


def test_quantiles_are_joined_by_straight_lines():
    times = draws(kind="empirical", quantiles_ms=[[0, 10], [0.5, 20], [1, 60]]) / 1e6
    assert times.min() >= 10
    assert times.max() <= 60
    assert np.quantile(times, [0.25, 0.5, 0.75]) == pytest.approx([15, 20, 40], rel=0.02)


def test_a_node_has_the_first_model_that_its_name_matches():
    models = {"worker/1": {"kind": "constant", "ms": 2}, "worker/*": {"kind": "constant", "ms": 3}}
    latency = PARAMS.validate_python({"kind": "by_node", "file": "times.yaml", "models": models})
    found = [latency_of(latency, f"worker/{number}").ms for number in (0, 1, 2)]
    assert found == [3, 2, 3]
    with pytest.raises(
        NodeError, match=r"times.yaml has no inference time of 'agent'; it has those of worker/1, worker/\*"
    ):
        latency_of(latency, "agent")
    assert latency_of(Constant(ms=1), "agent") == Constant(ms=1)


@pytest.mark.parametrize("text", ["", "1.5\n-2\n", "fast\n"])
def test_a_file_of_no_times_is_refused(tmp_path, text):
    (tmp_path / "times.txt").write_text(text)
    with pytest.raises(NodeError, match="durations in milliseconds"):
        draws(1, kind="empirical", file=str(tmp_path / "times.txt"))


@pytest.mark.parametrize("kind", ["normal", "lognormal", "mixture", "spikes"])
def test_times_are_drawn_by_the_seed(kind):
    assert (draws(50, seed=1, kind=kind, frames=5.3) == draws(50, seed=1, kind=kind, frames=5.3)).all()
    assert (draws(50, seed=1, kind=kind, frames=5.3) != draws(50, seed=2, kind=kind, frames=5.3)).any()


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"kind": "constant"}, "either in frames or in ms"),
        ({"kind": "constant", "frames": 1, "ms": 1}, "either in frames or in ms"),
        ({"kind": "constant", "frames": -1}, "greater than or equal to 0"),
        ({"kind": "mixture", "frames": 1, "epsilon": 1.1}, "less than or equal to 1"),
        ({"kind": "empirical"}, "either values_ms, file or quantiles_ms"),
        ({"kind": "empirical", "values_ms": [1], "file": "x"}, "either values_ms, file or quantiles_ms"),
        (
            {"kind": "empirical", "quantiles_ms": [[0, 2], [1, 1]]},
            "in quantiles_ms, neither the share nor the time may fall from one pair to the next",
        ),
        (
            {"kind": "empirical", "quantiles_ms": [[0, 1], [0.9, 2]]},
            "from the share 0 to the share 1, not from 0 to 0.9",
        ),
        (
            {"kind": "empirical", "quantiles_ms": [[0, 1], [1, 2]], "order": "sequence"},
            "order: sequence needs values_ms or file",
        ),
        ({"kind": "empirical", "values_ms": [-1]}, "greater than or equal to 0"),
        ({"kind": "guessed"}, "guessed"),
    ],
)
def test_wrong_latencies_are_refused(params, says):
    with pytest.raises(ValidationError, match=says):
        PARAMS.validate_python(params)
