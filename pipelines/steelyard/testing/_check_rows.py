"""Checks of the rows of a result: their number, identity and columns, for any partitioning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard.sampling import IS_SYNTHETIC
from steelyard.sampling.strategy import SPELLINGS, Strategy, resolve
from steelyard.testing._making import (
    Make,
    asked,
    exact_resampled,
    expected,
    planned,
    reachable,
    read_once,
    result_of,
    sampler_of,
)
from steelyard.testing._tables import (
    BIG,
    ROLES,
    SCHEMA,
    SIZES,
    class_sizes,
    exactly,
    multiset,
    refused,
    sample_rows,
    sample_table,
    shifted,
    shuffle_partitions,
)


def check_strategies(make: Make, spark: SparkSession) -> None:
    """All spellings of `sampling_strategy` have the meaning of imbalanced-learn."""
    df, kind, wanted = sample_table(spark), make().sampling_type, reachable(make)
    if kind == "clean-sampling":
        _check_cleaned_classes(make, df)
    if not wanted:
        return
    wrong = "majority" if kind == "over-sampling" else "minority"
    refused(lambda: make(sampling_strategy=wrong, **ROLES).plan(df), wrong)
    spelled: list[Strategy] = [s for s in SPELLINGS if s != wrong]
    for strategy in (*spelled, wanted, lambda counts: wanted):
        assert make(sampling_strategy=strategy).targets(SIZES) == SIZES | resolve(strategy, SIZES, kind), strategy
    by_function = make(sampling_strategy=lambda counts: wanted, **ROLES)
    assert asked(by_function.plan(df)) == SIZES | wanted
    two = {"a": 41, "b": 17}
    counts = asked(make(sampling_strategy=0.6, **ROLES).plan(df.where("label <> 'c'")))
    assert counts == two | resolve(0.6, two, kind)


def _check_cleaned_classes(make: Make, df: DataFrame) -> None:
    refused(lambda: make(sampling_strategy=0.5, **ROLES).plan(df), "list of classes", "0.5")
    refused(lambda: make(sampling_strategy={"a": 3}, **ROLES).plan(df), "list of classes")
    refused(lambda: make(sampling_strategy=["aa"], **ROLES).plan(df), "'aa'", "'a'")
    # By name; for a method with rounds, a word may mean another class after each round.
    for strategy, may in ((["a"], {"a"}), (["b", "c"], {"b", "c"})):
        counts = planned(make(sampling_strategy=strategy, **ROLES).plan(df))
        assert all(counts[c] == n for c, n in SIZES.items() if c not in may), strategy
        assert any(counts[c] < SIZES[c] for c in may), "the check's table has rows to be dropped"


def check_exact_counts(make: Make, spark: SparkSession) -> None:
    """The result has exactly the requested counts."""
    made = result_of(make, spark)
    assert made.sizes == made.wanted == expected(make, sample_table(spark), **ROLES)


def check_partitions_and_order(
    make: Make, spark: SparkSession, layouts: Sequence[int] = (7,), keys: Sequence[str | None] = ("id", None)
) -> None:
    """The rows are bit for bit the same for any partitioning and order of the input, with a key and without.

    With a key, most of the partitions are empty.
    """
    rows = sample_rows()
    mixed = [rows[i] for i in np.random.default_rng(1).permutation(len(rows))]
    for key in keys:
        sampler = sampler_of(make, **{**ROLES, "key_col": key})
        with shuffle_partitions(spark, 1):
            one = spark.createDataFrame(rows, SCHEMA).coalesce(1)
            first = result_of(make, spark).rows if key else multiset(sampler.fit_resample(one))
        for n in layouts:
            with shuffle_partitions(spark, n):
                df = spark.createDataFrame(mixed, SCHEMA)
                df = df.repartition(n, F.col("label")) if key else df.repartition(n)
                assert multiset(sampler.fit_resample(df)) == first, f"{n} partitions, key {key}"


def check_seed(make: Make, spark: SparkSession) -> None:
    """Another seed gives other rows."""
    if reachable(make) and make().seeded:
        other = sampler_of(make, random_state=1, **ROLES).fit_resample(sample_table(spark))
        assert multiset(other) != result_of(make, spark).rows


def check_schema(make: Make, spark: SparkSession) -> None:
    """All columns keep their order and types, followed by `is_synthetic`; existing flags stay."""
    df = sample_table(spark)
    wanted = [*df.dtypes, (IS_SYNTHETIC, "boolean")]
    assert result_of(make, spark).dtypes == wanted
    flagged = df.withColumn(IS_SYNTHETIC, F.col("label") == "b")
    result = sampler_of(make, **ROLES).fit_resample(flagged)
    assert result.dtypes == wanted
    assert result.where(f"label = 'b' and not {IS_SYNTHETIC}").isEmpty()


def check_original_rows(make: Make, spark: SparkSession) -> None:
    """Rows that are not synthetic are rows of the table: over-sampling keeps all, under-sampling adds none."""
    df, seen = sample_table(spark), result_of(make, spark)
    after, before = exactly(seen.old, without=IS_SYNTHETIC), multiset(df)
    assert set(after) <= set(before)
    assert after >= before if make().sampling_type == "over-sampling" and not make().cleans else after <= before


def check_vectors(make: Make, spark: SparkSession, kinds: Sequence[str] = ("array", "vector")) -> None:
    """Features in a vector or an array give the same rows as columns."""
    from pyspark.ml.functions import array_to_vector

    plain, result = exact_resampled(make, spark)
    arrays = plain.select("id", F.array("x", "y").alias("both"), "label")
    vectors = arrays.withColumn("both", array_to_vector(F.col("both")))
    packed = result.withColumn("both", F.array("x", "y")).drop("x", "y")
    if not make().numbers:
        refused(lambda: sampler_of(make, key_col="id", features_col="both").fit_resample(arrays), "'both'")
        return
    expected = multiset(packed)
    if "array" in kinds:
        assert multiset(sampler_of(make, key_col="id", features_col="both").fit_resample(arrays)) == expected
    if "vector" in kinds:
        from_vectors = sampler_of(make, key_col="id").fit_resample(vectors)
        assert dict(from_vectors.dtypes)["both"] == "vector"
        assert multiset(from_vectors) == expected


def check_far_from_zero(make: Make, spark: SparkSession) -> None:
    """Features around a million are resampled like features around zero."""
    exact, near = exact_resampled(make, spark)
    far = sampler_of(make, key_col="id").fit_resample(shifted(exact, ["x", "y"], 2.0**20))
    if make().makes_rows and not make().parents:
        # Solvers of another library stop at a tolerance: a last digit may make another row a support vector.
        assert class_sizes(far) == class_sizes(near)
        return
    rounded = [F.round("x", 6).alias("x"), F.round("y", 6).alias("y"), F.col("id"), F.col("label")]
    assert multiset(shifted(far, ["x", "y"], -(2.0**20)).select(*rounded)) == multiset(near.select(*rounded))


def check_other_columns(make: Make, spark: SparkSession) -> None:
    """New rows have numbers between their parents', a common group, a parent's time, and null in other columns.

    Without known parents, all columns except label and features are null.
    """
    new = result_of(make, spark).new
    if not make().makes_rows:
        assert not new
        return
    old = {label: [r for r in sample_rows() if r[6] == label] for label in SIZES}
    for r in new:
        assert (r["id"], r["note"]) == (None, None)
        parents = old[r["label"]]
        for i, name in enumerate(("x", "y", "n", "big", "price")):
            seen = [np.float32(p[i + 1]) if name == "y" else p[i + 1] for p in parents]
            assert r[name] is not None and min(seen) <= r[name] <= max(seen), name
        assert r["big"] >= BIG
        if not make().parents:
            assert (r["who"], r["at"], r["w"]) == (None, None, None)
            continue
        # One of the parents may be of another class.
        assert r["who"] in {None, *(p[7] for p in sample_rows())} and r["at"] in {p[8] for p in sample_rows()}
        assert r["w"] is not None and 1.0 <= r["w"] <= 4.0
    if make().parents:
        assert any(r["who"] is not None for r in new)
    if make().hasParam("distinct_neighbors"):
        assert any(r["who"] is None for r in new), "two parents may be of two groups"


def check_domain(make: Make, spark: SparkSession) -> None:
    """New rows obey a domain of features, rows of the table stay as they are, and counts are exact."""
    df = sample_table(spark)
    domain: dict[str, Any] = {"n": {"derived": "cast(price as int) % 7"}}
    if make().numbers:
        domain |= {"y": {"integer": True, "min": -1.5}, "price": {"min": 2000.5, "max": 5000}}
    copied = {"x": {"immutable": True}, "big": {"immutable": True}}
    has_seeds = make().parents or not result_of(make, spark).new
    if has_seeds:
        domain |= copied
    else:
        refused(lambda: make(**ROLES).within(copied), "domain.x.immutable", "seed")
    made = read_once(sampler_of(make, **ROLES).within(domain), df, {**SIZES, **reachable(make)})
    assert made.sizes == made.wanted and made.dtypes == result_of(make, spark).dtypes
    assert set(exactly(made.old, without=IS_SYNTHETIC)) <= set(multiset(df))
    seeds = {(r.label, r.x, r.big) for r in df.collect()}
    for r in made.new:
        assert r["n"] == int(r["price"]) % 7
        assert not has_seeds or (r["label"], r["x"], r["big"]) in seeds
        assert "y" not in domain or (r["y"] == round(r["y"]) and r["y"] >= -1 and 2000.5 <= r["price"] <= 5000)
