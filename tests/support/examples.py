"""How many cases a property test draws: a few in ``make test``, many by hand."""

import os

from hypothesis import HealthCheck, settings

VARIABLE = "RTGRAPH_EXAMPLES"


def examples(count: int) -> settings:
    """Return settings for so many cases, or for as many as the environment variable says.

    By hand each run draws other cases; a failure prints the line that repeats it.
    """
    wanted = int(os.environ.get(VARIABLE, count))
    return settings(
        max_examples=wanted,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
