import math

import numpy as np
import pytest

from rtgraph.launch.latency.fitting import KNOTS, empirical, fitted, in_order
from rtgraph.nodes.runtime.latency import Constant, Lognormal, Mixture, Normal

KNOWN = [
    Normal(ms=80, sd=0.05),
    Normal(ms=80, sd=0.2),
    Lognormal(ms=5, sigma=0.5),
    Lognormal(ms=0.4, sigma=1.2),
    Mixture(ms=90, epsilon=0.3, cost=0.05, sigma=0.05, cost_sigma=0.2),
    Mixture(ms=40, epsilon=0.9, cost=0.4, sigma=0.3, cost_sigma=0.1),
]


def drawn(model, count=2_000, seed=0):
    draw = model.draws(np.random.default_rng(seed), 60.0)
    return [draw() / 1e6 for _ in range(count)]


@pytest.mark.parametrize("model", KNOWN, ids=lambda model: f"{model.kind}-{model.ms}")
def test_a_known_distribution_gives_its_family_and_its_parameters_within_the_standard_error(model):
    deviations = []
    for seed in range(2):
        best = fitted(drawn(model, seed=seed))[0]
        assert best.model.kind == model.kind
        assert best.model.kind != "mixture" or len(best.parameters) == 5
        for name, (value, error) in best.parameters.items():
            assert 0 < error < 0.15 * abs(value)
            deviations.append((value - getattr(model, name)) / error)
    # Standardised deviations have a mean square of 1.
    assert max(map(abs, deviations)) < 3.5
    assert np.mean(np.square(deviations)) < 3


def test_the_density_of_each_fit_integrates_to_one():
    values = drawn(KNOWN[4])
    for fit in fitted(values):
        at = np.linspace(-400, 8_000, 200_001)
        # A lognormal has no density below its floor of a microsecond.
        at = at if fit.model.kind == "normal" else at[at > 1e-3]
        assert np.trapezoid(fit.density(at), at) == pytest.approx(1, abs=0.01)


def test_the_best_has_the_lowest_information_criterion_and_all_families_are_fitted():
    fits = fitted(drawn(KNOWN[2]))
    assert {fit.model.kind for fit in fits} == {"normal", "lognormal", "mixture"}
    assert [fit.bic for fit in fits] == sorted(fit.bic for fit in fits)
    logs = np.log(drawn(KNOWN[2]))
    likelihood = -2_000 * (np.log(logs.std()) + 0.5 + 0.5 * np.log(2 * np.pi)) - logs.sum()
    assert fits[0].bic == pytest.approx(2 * math.log(2_000) - 2 * likelihood)


@pytest.mark.parametrize("values", [[3.0], [2.5] * 50, [1.0, 2.0]])
def test_durations_that_do_not_vary_or_are_too_few_are_constant(values):
    (fit,) = fitted(values)
    assert fit.model == Constant(ms=np.mean(values))


def test_zeros_break_no_fit():
    for fit in fitted([0.0] * 10 + drawn(KNOWN[2], 200)):
        assert np.isfinite(fit.bic)
        assert np.isfinite(fit.theta).all()


def test_the_quantiles_of_durations_give_the_same_durations():
    values = np.array(drawn(KNOWN[5]))
    model = empirical(values)
    again = np.array(drawn(model))
    assert len(model.quantiles_ms) == len(KNOTS)
    assert (model.quantiles_ms[0][1], model.quantiles_ms[-1][1]) == pytest.approx(
        (values.min(), values.max())
    )
    assert again.mean() == pytest.approx(values.mean(), rel=0.02)
    assert np.quantile(again, [0.1, 0.5, 0.9, 0.99]) == pytest.approx(
        np.quantile(values, [0.1, 0.5, 0.9, 0.99]), rel=0.05
    )
    assert empirical([4.0] * 9) == Constant(ms=4)


def test_durations_in_their_order_repeat():
    assert drawn(in_order([3.0, 1.5, 2.25]), 5) == [3, 1.5, 2.25, 3, 1.5]
