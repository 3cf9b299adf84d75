"""Guards: suites of Great Expectations over the DataFrames of a pipeline.

`run_guard` runs a suite, `suggest_suite` writes a first one from a profile; `steelyard.guards.expectations` holds the
expectations, for any project of Great Expectations.
"""

import os

from steelyard.guards._report import GuardReport, GuardResult
from steelyard.guards._run import check_suite, run_guard
from steelyard.guards._suggest import suggest_suite
from steelyard.guards._suites import check_parameters, shipped_suites

# Great Expectations reads it during its import, which only submodules and functions of this package do.
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")

__all__ = [
    "GuardReport",
    "GuardResult",
    "check_parameters",
    "check_suite",
    "run_guard",
    "shipped_suites",
    "suggest_suite",
]
