"""Checks of a sampler with difficult tables."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from steelyard.errors import InputError
from steelyard.hashing import is_heavy
from steelyard.sampling import IS_SYNTHETIC
from steelyard.testing._making import Make, reachable, read_once, resampled, sampler_of
from steelyard.testing._tables import (
    ROLES,
    SIZES,
    class_sizes,
    exactly,
    multiset,
    plain_table,
    refused,
    sample_table,
)


def check_single_row_class(make: Make, spark: SparkSession) -> None:
    """A class of one row works if it is not resampled."""
    sizes = {"a": 20, "b": 12, "c": 1}
    df = sample_table(spark, sizes)
    # With more neighbours, the class may be too small for other reasons.
    params = {**ROLES, "n_neighbors": 1} if make().hasParam("n_neighbors") else ROLES
    made = resampled(make, df, sizes, **params)
    assert made.sizes == made.wanted


def check_too_few_rows(make: Make, spark: SparkSession) -> None:
    """Fewer rows than neighbours: an error with both numbers and a value that works."""
    if not make().hasParam("k_neighbors"):
        return
    few = sample_table(spark, {"a": 30, "b": 4})
    refused(lambda: make(k_neighbors=7, **ROLES).plan(few), "k_neighbors=7", "8 rows", "'b' has 4", "to 3 or less")
    one = sample_table(spark, {"a": 30, "b": 1})
    refused(lambda: make(**ROLES).plan(one), "'b' has 1", "leave the class out")
    if not make().hasParam("distinct_neighbors"):
        return
    equal = plain_table(spark, [[i, 0] for i in range(20)] + [[5, 5]] * 8 + [[6, 6]] * 2, ["a"] * 20 + ["b"] * 10)
    if make().numbers:
        refused(lambda: make().plan(equal), "6 different rows", "'b' has 2", "distinct_neighbors")


def check_missing_and_infinite(make: Make, spark: SparkSession) -> None:
    """Gaps and infinities are refused with their counts where distances need numbers; otherwise they are kept."""
    sizes = {"a": 30, "b": 10}
    labels = [label for label, size in sizes.items() for _ in range(size)]
    clean: list[list[float | None]] = [[float(i), float(i % 7)] for i in range(40)]
    for row in (3, 35):
        gaps, endless = [list(v) for v in clean], [list(v) for v in clean]
        gaps[row][0], gaps[row + 1][0], endless[row][1] = None, float("nan"), float("-inf")
        with_gaps, with_infinities = plain_table(spark, gaps, labels), plain_table(spark, endless, labels)
        if make().numeric:
            refused(partial(make().plan, with_gaps), "missing", "'f0' (2 rows)")
        if make().numeric and make().numbers:
            refused(partial(make().plan, with_infinities), "infinite", "'f1' (1 rows, up to inf in size)")
        elif not make().numeric:
            result = sampler_of(make, sizes).fit_resample(with_gaps)
            assert class_sizes(result) == sizes | reachable(make, sizes)


def check_large_numbers(make: Make, spark: SparkSession) -> None:
    """Numbers with overflowing squares are refused by name and size; at float32's limit new rows are finite."""
    sizes = {"a": 30, "b": 10}
    df = sample_table(spark, sizes).select("id", "label", "x", "y")  # y is a float
    far = F.when(F.col("id") % 4 == 0, F.lit(-1.0)).otherwise(F.lit(1.0))
    if make().numeric and make().numbers:
        for size, shown in ((1e300, "1e+300"), (sys.float_info.max, "1.8e+308")):
            huge = df.withColumn("x", F.when(F.col("id") % 9 == 0, far * size).otherwise(F.col("x")))
            refused(partial(make(key_col="id").fit_resample, huge), "'x' (5 rows, up to", shown, "1e+75")
    edge = df.withColumn("y", (far * F.lit(3.4e38) * (1 - (F.col("id") % 5) / 1000)).cast("float"))
    sampler = sampler_of(make, sizes, key_col="id")
    try:
        result = sampler.fit_resample(edge)
    except InputError as error:  # imbalanced-learn may find nothing to do, as KMeansSMOTE in such clusters
        if "imbalanced-learn says" not in str(error):
            raise
        return
    assert result.where("not coalesce(abs(y) < double('infinity') and abs(x) < 1e6, false)").isEmpty()


def check_gaps_are_filled(make: Make, spark: SparkSession) -> None:
    """With `missing="impute"`: rows of the table keep their gaps, new rows have none."""
    if not (make().numeric and make().hasParam("missing")):
        return
    gap = F.col("id") % 5 == 0
    holes = {"x": F.when(~gap, F.col("x")), "y": F.when(gap, F.lit(float("nan"))).otherwise(F.col("y"))}
    df = sample_table(spark).withColumns({**holes, "n": F.when(F.col("id") % 7 > 0, F.col("n"))})
    if make().categories:
        df = df.withColumn("price", F.when(F.col("id") % 9 > 0, F.col("who")))
    params = {**ROLES, "cost_cols": None, "missing": "impute"}
    made = resampled(make, df, **params)
    assert made.sizes == made.wanted
    assert all(v is not None and v == v for r in made.new for v in (r["x"], r["y"], r["n"], r["price"]))
    assert exactly(made.old, without=IS_SYNTHETIC) <= multiset(df)


def check_categories(make: Make, spark: SparkSession) -> None:
    """New rows have categories of their class, types stay; methods without categories refuse them by name."""
    df = sample_table(spark).withColumn("vip", F.col("n") > 50)
    features = ["x", "vip", "n", "who"]
    if not make().numeric:
        assert class_sizes(sampler_of(make).fit_resample(df)) == SIZES | reachable(make)
        return
    if make().numbers:
        refused(lambda: make(features_col=["x", "at"]).plan(df), "'at' (timestamp)")
    if not make().categories:
        refused(lambda: make(features_col=features).plan(df), "'vip' (boolean)", "'who' (string)", "smotenc")
        refused(lambda: make(features_col=["x", "n"], categorical_features=["n"]).plan(df), "'n' (int)", "smotenc")
        return
    refused(lambda: make(features_col=features, categorical_features=["whoo"]).plan(df), "'whoo'", "'who'")
    nominal = ["vip", "who", "n"] if make().numbers else features
    params: dict[str, Any] = {"features_col": features, "key_col": "id", "categorical_features": nominal}
    made, before = resampled(make, df, **params), df.collect()
    assert made.dtypes == [*df.dtypes, (IS_SYNTHETIC, "boolean")]
    assert made.sizes == made.wanted
    for name in ("vip", "who", "n"):
        assert {(r["label"], r[name]) for r in made.found} <= {(r["label"], r[name]) for r in before}, name


def check_constants(make: Make, spark: SparkSession) -> None:
    """A constant feature and a column without any value work."""
    df = sample_table(spark).withColumns({"x": F.lit(0.1), "note": F.lit(None).cast("string")})
    made = resampled(make, df, **ROLES)
    assert made.sizes == made.wanted
    assert all((r["x"], r["note"]) == (0.1, None) for r in made.found)


def check_duplicates(make: Make, spark: SparkSession) -> None:
    """Equal rows: exact counts, heavy groups in proportion, others whole, and new rows that are not copies."""
    base = [[i, (i * 7) % 11] for i in range(36)]
    labels = ["a"] * 24 + ["b"] * 12
    for times in (2, 16):
        sizes = {"a": 24 * times, "b": 12 * times}
        df = plain_table(spark, base * times, labels * times)
        made = resampled(make, df, sizes)
        assert made.sizes == made.wanted
        if not make().parents:
            continue
        if make().numbers:
            copies = {tuple(map(float, row)) for row in base} & {(r["f0"], r["f1"]) for r in made.new}
            assert not copies, "a synthetic row is a mere copy"
        kept = Counter((r["f0"], r["f1"], r["label"]) for r in made.old)
        drawn = not make().cleans and (make().effect != "bends" or make().makes_rows)
        for label in sizes if drawn else ():
            of_class = [n for row, n in kept.items() if row[2] == label]
            if is_heavy(times, sizes[label]):
                assert max(of_class) - min(of_class) <= 1, "a heavy group of equal rows is drawn in proportion"
            else:
                assert sum(n % times > 0 for n in of_class) <= 1, "a small group of equal rows stays together"


LABELS: dict[str, tuple[Any, Any, tuple[str, str]]] = {
    "string": ("<b>'no'\"", "ja ü", ("<b>'no'\"", "ja ü")),
    "boolean": (False, True, ("false", "true")),
    "decimal(5,2)": (Decimal("1.50"), Decimal("-2.00"), ("1.5", "-2")),
    "double": (10.0, 9.5, ("10", "9.5")),
    "int": (0, 7, ("0", "7")),
}
"""A label of the common class and one of the rare class for each SQL type, and the names of the classes."""


def check_labels(make: Make, spark: SparkSession, kinds: Sequence[str] = tuple(LABELS)) -> None:
    """Labels of any type: classes are named by their string form, and labels keep their type."""
    values = [[i, i % 5] for i in range(30)]
    for kind in kinds:
        common, rare, names = LABELS[kind]
        sizes = dict(zip(names, (22, 8), strict=True))
        df = plain_table(spark, values, [common] * 22 + [rare] * 8, kind)
        wanted = {common if c == names[0] else rare: n for c, n in reachable(make, sizes).items()}
        sampler = make(sampling_strategy=wanted) if wanted else make()
        made = read_once(sampler, df, sizes | reachable(make, sizes))
        assert made.sizes == {v: made.wanted[n] for v, n in zip((common, rare), names, strict=True)}, kind
