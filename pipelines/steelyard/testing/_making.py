"""Helpers of the checks of samplers: a sampler with a reachable request, expected counts, and results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from steelyard.sampling import IS_SYNTHETIC, Resampling, Sampler, SamplingPlan, apply_plan
from steelyard.testing._tables import ROLES, SIZES, exactly, sample_table

Make = Callable[..., Sampler]


def reachable(make: Make, sizes: Mapping[str, int] = SIZES) -> dict[str, int]:
    """Return counts that the sampler can reach for some classes, and that are not multiples of their rows."""
    sampler = make()
    largest = max(sizes, key=sizes.__getitem__)
    if sampler.effect == "none" or sampler.sampling_type == "clean-sampling":
        return {}
    if sampler.sampling_type == "under-sampling":
        return {largest: sizes[largest] // 2 + 1}
    return {c: 2 * n + 3 for c, n in sizes.items() if c != largest and n > 1}


def sampler_of(make: Make, sizes: Mapping[str, int] = SIZES, **params: Any) -> Sampler:
    wanted = reachable(make, sizes)
    return make(**({"sampling_strategy": wanted} if wanted else {}), **params)


def asked(plan: SamplingPlan) -> dict[str, int]:
    """Return the requested counts: of a method that makes rows and cleans, those before cleaning."""
    return dict(plan.details.get("before_cleaning") or planned(plan))


def planned(plan: SamplingPlan) -> dict[str, int]:
    return {name: c.after for name, c in plan.classes.items()}


def expected(make: Make, df: DataFrame, sizes: Mapping[str, int] = SIZES, **params: Any) -> dict[str, int]:
    """Return the requested counts; of a cleaning method, those of its plan."""
    sampler = sampler_of(make, sizes, **params)
    if not sampler.cleans:
        return {**sizes, **reachable(make, sizes)}
    return {c: n for c, n in planned(sampler.plan(df)).items() if n}


@dataclass(frozen=True)
class Result:
    """A result, read once; `wanted` are the requested counts, or of a cleaning method those of its plan."""

    dtypes: list[tuple[str, str]]
    found: list[Row]
    wanted: dict[str, int]
    made: Resampling

    @property
    def rows(self) -> Counter[tuple[Any, ...]]:
        return exactly(self.found)

    @property
    def sizes(self) -> dict[str, int]:
        return dict(Counter(r["label"] for r in self.found))

    @property
    def new(self) -> list[Row]:
        return [r for r in self.found if r[IS_SYNTHETIC]]

    @property
    def old(self) -> list[Row]:
        return [r for r in self.found if not r[IS_SYNTHETIC]]


def read_once(sampler: Sampler, df: DataFrame, wanted: dict[str, int]) -> Result:
    """Resample a table once, and read the result in one job."""
    made = sampler.resample(df)
    result = apply_plan(df, made.plan, *made.tables)
    if sampler.cleans:
        wanted = {c: n for c, n in planned(made.plan).items() if n}
    return Result(result.dtypes, result.collect(), wanted, made)


def resampled(make: Make, df: DataFrame, sizes: Mapping[str, int] = SIZES, **params: Any) -> Result:
    return read_once(sampler_of(make, sizes, **params), df, {**sizes, **reachable(make, sizes)})


@lru_cache(maxsize=4)
def result_of(make: Make, spark: SparkSession) -> Result:
    """Return the result for the sample table, which many checks share."""
    return resampled(make, sample_table(spark), **ROLES)


@lru_cache(maxsize=4)
def exact_resampled(make: Make, spark: SparkSession) -> tuple[DataFrame, DataFrame]:
    """Return a table of two numbers that float64 adds without rounding, and its result, which two checks share."""
    x, y = (F.col("n") / 8).alias("x"), (F.col("big") % 97 / 4).alias("y")
    exact = sample_table(spark).select("id", x, y, "label")
    return exact, sampler_of(make, key_col="id").fit_resample(exact)
