"""Checks that every sampler must pass: run them on one of your own.

Each check takes what makes a sampler (its class, or a function of its parameters) and a Spark session, and raises
`AssertionError`. It goes by what the sampler says of itself: `sampling_type`, `effect`, `numeric`.

>>> from steelyard.testing import check_sampler
>>> check_sampler(MySampler, spark)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from steelyard.testing import _checks
from steelyard.testing._checks import Make

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SAMPLER_CHECKS: dict[str, Callable[[Make, SparkSession], None]] = {
    name.removeprefix("check_"): check for name, check in vars(_checks).items() if name.startswith("check_")
}
"""All checks by name."""


def check_sampler(make: Make, spark: SparkSession) -> None:
    """Run all checks on a sampler.

    Parameters
    ----------
    make : callable
        Takes parameters by keyword and returns a sampler; usually its class.
    spark : SparkSession

    Raises
    ------
    AssertionError
        At the first check that fails; its name is in the traceback.
    """
    for check in SAMPLER_CHECKS.values():
        check(make, spark)


__all__ = ["SAMPLER_CHECKS", "check_sampler"]
