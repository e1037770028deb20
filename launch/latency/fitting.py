"""Fits distributions to durations by maximum likelihood, and chooses the best fit.

The distributions are normal, lognormal, and a mixture of two lognormals. The best fit has the lowest Bayesian information
criterion (Schwarz, 1978): k·ln n − 2·ln L, for k parameters, n durations and the likelihood L. So each additional parameter
must raise the likelihood enough. Standard errors come from the outer product of the scores (the derivatives of the log-density
with respect to the parameters). This product, summed over all durations, estimates the Fisher information.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtgraph.nodes.runtime.latency import Constant, Empirical, Lognormal, Mixture, Model, Normal

Floats = npt.NDArray[np.float64]
LEAST_MS = 1e-3
"""Minimum duration in ms: one microsecond. Shorter durations are raised to this value, because the logarithm of 0 is infinite."""
LEAST_MIXED = 20
"""Minimum number of durations to which a mixture is fitted."""
LEAST_SIGMA = 0.01
"""Minimum sigma (standard deviation of the logarithm) of a lognormal distribution, and of each component of a mixture.

Without this limit, a component could shrink to a single duration.
"""
STARTS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Starting points for the fit of a mixture of two lognormals.

Each number is a share of all durations: the lower component starts with the shortest durations that make up this share.
"""
FIRST_ROUNDS, ROUNDS = 12, 200
PRECISION = 1e-7
"""A fit is finished if one more round raises the log-likelihood per duration by less than this."""
FIXED_NS = 1.0
"""Durations count as constant if they vary by less than this number of nanoseconds."""
KNOTS = (
    0, 0.001, 0.002, 0.005, 0.01, *(round(0.02 * n, 2) for n in range(1, 50)), 0.99, 0.995, 0.998, 0.999, 0.9995, 1
)  # fmt: skip
"""The shares (0 to 1) of the quantiles that describe a measured distribution."""
_ROOT = math.sqrt(2 * math.pi)


@dataclass(frozen=True, slots=True)
class Fit:
    """A distribution fitted to durations."""

    model: Model
    """The fitted distribution as a latency model, in ms."""
    parameters: dict[str, tuple[float, float]]
    """The value and the standard error of each parameter, by the parameter's name in the model."""
    bic: float
    """The Bayesian information criterion; the lowest is the best."""

    def density(self, ms: Floats) -> Floats:
        """Return the probability density at durations, in 1/ms; zeros if the fit is a constant.

        Args:
            ms: durations in ms, shape (n,). The result has the same shape.
        """
        density = _DENSITIES.get(self.model.kind)
        return np.zeros_like(ms) if density is None else density(self.theta, ms)

    @property
    def theta(self) -> list[float]:
        """The values of the parameters."""
        return [value for value, _ in self.parameters.values()]


def fitted(durations_ms: Sequence[float]) -> list[Fit]:
    """Fit distributions to durations, and return the fits, the best first.

    The distributions are normal, lognormal and, for at least `LEAST_MIXED` durations, a mixture of two lognormals. If the durations
    do not vary, or are fewer than three, the only fit is a constant.

    Args:
        durations_ms: at least one duration, in ms.
    """
    values = np.asarray(durations_ms, dtype=np.float64)
    mean, sd = float(values.mean()), float(values.std())
    if np.ptp(values) * 1e6 < FIXED_NS or len(values) < 3:
        return [Fit(Constant(ms=mean), {"ms": (mean, 0.0)}, -math.inf)]
    positive = np.maximum(values, LEAST_MS)
    logs = np.log(positive)
    sigma = max(float(logs.std()), LEAST_SIGMA)
    normal = [mean, sd / mean]
    lognormal = [math.exp(float(logs.mean()) + sigma**2 / 2), sigma]
    fits = [
        _fit(Normal(ms=mean, sd=min(10.0, sd / mean)), ("ms", "sd"), normal, values),
        _fit(Lognormal(ms=lognormal[0], sigma=min(10.0, sigma)), ("ms", "sigma"), lognormal, positive),
    ]
    if len(values) >= LEAST_MIXED:
        theta = _mixture(logs)
        names = ("ms", "epsilon", "cost", "sigma", "cost_sigma")
        fits.append(_fit(Mixture(**dict(zip(names, theta, strict=True))), names, theta, positive))
    return sorted(fits, key=lambda fit: fit.bic)


def empirical(durations_ms: Sequence[float]) -> Model:
    """Return a latency model with the quantiles of the durations, or a constant if the durations do not vary."""
    values = np.asarray(durations_ms, dtype=np.float64)
    if np.ptp(values) * 1e6 < FIXED_NS:
        return Constant(ms=round(float(values.mean()), 6))
    quantiles = np.quantile(values, KNOTS)
    return Empirical(
        quantiles_ms=tuple(
            (share, round(float(value), 6)) for share, value in zip(KNOTS, quantiles, strict=True)
        )
    )


def in_order(durations_ms: Sequence[float]) -> Model:
    """Return a latency model that gives the durations in their order, and starts again at the end."""
    return Empirical(values_ms=tuple(round(value, 6) for value in durations_ms), order="sequence")


def _fit(model: Model, names: Sequence[str], theta: list[float], values: Floats) -> Fit:
    density = _DENSITIES[model.kind]
    likelihood = float(np.log(np.maximum(density(theta, values), 1e-300)).sum())
    errors = _errors(density, theta, values)
    parameters = {name: (value, error) for name, value, error in zip(names, theta, errors, strict=True)}
    return Fit(model, parameters, len(theta) * math.log(len(values)) - 2 * likelihood)


def _errors(
    density: Callable[[Sequence[float], Floats], Floats], theta: list[float], values: Floats
) -> list[float]:
    """Return the standard error of each parameter, from the scores (derivatives of the log-density) of all durations."""
    scores = []
    for index, value in enumerate(theta):
        step = max(abs(value), 1e-3) * 1e-5
        sides = []
        for sign in (1, -1):
            moved = [*theta]
            moved[index] = value + sign * step
            sides.append(np.log(np.maximum(density(moved, values), 1e-300)))
        scores.append((sides[0] - sides[1]) / (2 * step))
    stacked = np.stack(scores)
    covariance = np.linalg.pinv(stacked @ stacked.T)
    return [float(error) for error in np.sqrt(np.maximum(np.diag(covariance), 0.0))]


def _mixture(logs: Floats) -> list[float]:
    """Return the parameters of a mixture of two lognormals, fitted by expectation maximisation.

    A short fit is made from each of several starting points. Then the fit with the highest likelihood is continued.
    """
    starts = [logs <= np.quantile(logs, share) for share in STARTS]
    begun = [_maximised(logs, low.astype(np.float64), FIRST_ROUNDS) for low in starts if not low.all()]
    low = max(begun, key=lambda found: found[0])[2] if begun else (logs <= logs.min()).astype(np.float64)
    _, (epsilon, mean, cost, sigma, cost_sigma), _ = _maximised(logs, low, ROUNDS)
    if cost > mean:
        epsilon, mean, cost, sigma, cost_sigma = 1 - epsilon, cost, mean, cost_sigma, sigma
    ms = math.exp(mean + sigma**2 / 2)
    return [ms, epsilon, math.exp(cost + cost_sigma**2 / 2) / ms, sigma, cost_sigma]


def _maximised(logs: Floats, low: Floats, rounds: int) -> tuple[float, list[float], Floats]:
    """Run expectation maximisation for a mixture of two normal distributions of log-durations.

    Returns:
        The log-likelihood; the parameters (share of the lower component, mean of the upper, mean of the lower, sigma of the upper,
        sigma of the lower); and for each duration the probability that it belongs to the lower component.
    """
    last = likelihood = -math.inf
    theta: list[float] = []
    for _ in range(rounds):
        parts = []
        for weight in (1 - low, low):
            total = max(float(weight.sum()), 1e-9)
            mean = float(weight @ logs) / total
            sigma = max(math.sqrt(float(weight @ (logs - mean) ** 2) / total), LEAST_SIGMA)
            parts.append((total / len(logs), mean, sigma))
        upper, lower = (
            share / (sigma * _ROOT) * np.exp(((logs - mean) / sigma) ** 2 / -2)
            for share, mean, sigma in parts
        )
        whole = np.maximum(upper + lower, 1e-300)
        likelihood = float(np.log(whole).sum())
        low = lower / whole
        theta = [parts[1][0], parts[0][1], parts[1][1], parts[0][2], parts[1][2]]
        if likelihood - last < PRECISION * len(logs):
            break
        last = likelihood
    return likelihood, theta, low


def _normal_density(theta: Sequence[float], ms: Floats) -> Floats:
    mean, sd = theta
    sd *= mean
    density: Floats = np.exp(-(((ms - mean) / sd) ** 2) / 2) / (sd * _ROOT)
    return density


def _lognormal_density(theta: Sequence[float], ms: Floats) -> Floats:
    mean, sigma = theta
    positive = np.maximum(ms, LEAST_MS)
    centre = math.log(mean) - sigma**2 / 2
    density: Floats = np.exp(-(((np.log(positive) - centre) / sigma) ** 2) / 2) / (positive * sigma * _ROOT)
    return density


def _mixture_density(theta: Sequence[float], ms: Floats) -> Floats:
    mean, epsilon, cost, sigma, cost_sigma = theta
    upper = _lognormal_density((mean, sigma), ms)
    return (1 - epsilon) * upper + epsilon * _lognormal_density((mean * cost, cost_sigma), ms)


_DENSITIES: dict[str, Callable[[Sequence[float], Floats], Floats]] = {
    "normal": _normal_density,
    "lognormal": _lognormal_density,
    "mixture": _mixture_density,
}
