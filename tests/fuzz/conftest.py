"""How many inputs each property is tried with."""

import os

from hypothesis import HealthCheck, Phase, settings

from tests.finished_run import finished_runs, run

__all__ = ["finished_runs", "run"]

# Fixtures of the whole suite, such as an empty working folder, need not be made anew each time.
CHECKS = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large)

settings.register_profile(
    "suite",
    derandomize=True,
    max_examples=6,
    deadline=None,
    database=None,
    # Shrinking would take minutes; `nox -s fuzz` finds the smallest input.
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=CHECKS,
)
settings.register_profile(
    "session", max_examples=150, deadline=None, database=None, suppress_health_check=CHECKS
)
settings.load_profile(os.environ.get("ALEXCLI_FUZZ", "suite"))
