"""Hypothesis settings of the property tests.

With `CI=true`: 100 examples, the same ones in each run, so that a red build is about the change. Elsewhere new ones
in each run, as many as ENGAGEMENT_TEST_EXAMPLES says; a failure is shrunk and printed with what reproduces it.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

IN_CI = os.environ.get("CI", "").lower() in {"true", "1"}
EXAMPLES = int(os.environ.get("ENGAGEMENT_TEST_EXAMPLES", "100" if IN_CI else "60"))


def property_settings(examples: int) -> settings:
    """Draw this number of examples, without limits on their time or size."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=IN_CI,
        # To shrink takes minutes: time that a person at a terminal has.
        phases=[phase for phase in Phase if phase not in {Phase.shrink, Phase.explain} or not IN_CI],
        print_blob=True,
        # An example is a history: 40 events of ten draws each, and a second of work on a busy machine.
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
    )
