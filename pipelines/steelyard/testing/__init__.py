"""Checks that every sampler must pass: run them on one of your own.

Each check takes what makes a sampler (its class, or a function of its parameters) and a Spark session, and raises
`AssertionError`. It goes by what the sampler says of itself: `sampling_type`, `effect`, `numeric`.

`check_sampler(MySampler, spark)` runs all; one by one, they are in `SAMPLER_CHECKS`:

>>> from steelyard.under_sampling import RandomUnderSampler
>>> SAMPLER_CHECKS["exact_counts"](RandomUnderSampler, spark)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from steelyard.testing import _check_input, _check_objects, _check_rows
from steelyard.testing._making import Make

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SAMPLER_CHECKS: dict[str, Callable[[Make, SparkSession], None]] = {
    name.removeprefix("check_"): check
    for module in (_check_rows, _check_input, _check_objects)
    for name, check in vars(module).items()
    if name.startswith("check_")
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
