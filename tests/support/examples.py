"""Number of cases in a property test: few in ``make test``, many by hand."""

import os

from hypothesis import HealthCheck, settings

VARIABLE = "RTGRAPH_EXAMPLES"


def examples(count: int) -> settings:
    """Return settings for a number of cases, or for the number in the environment variable.

    By hand each run draws other cases, and a failure prints a line that repeats it; otherwise each run draws the same.
    """
    return settings(
        max_examples=repeats(count),
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


def repeats(count: int) -> int:
    """Return a number of repeats for a test with its own loop, or the number in the environment variable."""
    return int(os.environ.get(VARIABLE, count))
