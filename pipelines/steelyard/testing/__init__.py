"""Checks that every sampler and every trainer must pass: run them on one of your own.

Each check takes a class (or a function of its parameters) and a Spark session, and raises `AssertionError`. It depends
on what the class declares: `sampling_type`, `effect` and `numeric` of a sampler, `exact` and `continues` of a trainer.

`check_sampler(MySampler, spark)` and `check_trainer(MyTrainer, spark)` run all; `SAMPLER_CHECKS` and `TRAINER_CHECKS`
hold them by name:

>>> from steelyard.under_sampling import RandomUnderSampler
>>> SAMPLER_CHECKS["exact_counts"](RandomUnderSampler, spark)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from steelyard.testing import _check_input, _check_objects, _check_rows, _check_trainers
from steelyard.testing._check_trainers import MakeTrainer
from steelyard.testing._making import Make

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SAMPLER_CHECKS: dict[str, Callable[[Make, SparkSession], None]] = {
    name.removeprefix("check_"): check
    for module in (_check_rows, _check_input, _check_objects)
    for name, check in vars(module).items()
    if name.startswith("check_")
}
"""All checks of samplers by name."""

TRAINER_CHECKS: dict[str, Callable[[MakeTrainer, SparkSession], None]] = {
    name.removeprefix("check_"): check for name, check in vars(_check_trainers).items() if name.startswith("check_")
}
"""All checks of trainers by name."""


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


def check_trainer(make: MakeTrainer, spark: SparkSession) -> None:
    """Run all checks on a trainer; parameters and errors are those of `check_sampler`."""
    for check in TRAINER_CHECKS.values():
        check(make, spark)


__all__ = ["SAMPLER_CHECKS", "TRAINER_CHECKS", "check_sampler", "check_trainer"]
