"""Rows that repeat without a key: small groups stay together, heavy ones are divided in proportion."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import steelyard_here
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard.dataset import Dataset
from steelyard.diagnosis import diagnose
from steelyard.frames.caching import cached
from steelyard.hashing import unit_hash
from steelyard.hashing._groups import FEW, is_heavy
from steelyard.sampling.features import Features
from steelyard.sampling.statistics import feature_scale
from steelyard.splitting import (
    SPLIT,
    SplitPlan,
    apply_folds,
    apply_split,
    count_torn_keys,
    grouped_split,
    in_divided_group,
    stratified_folds,
    stratified_split,
)
from steelyard.under_sampling import RandomUnderSampler

DATA = Dataset("y", features=("a", "b"), content=("a", "b"))


def few_contents(seed: int) -> pd.DataFrame:
    """Few contents: some of them heavy, many of a few rows, in classes of unequal size."""
    rng = np.random.default_rng(seed)
    sizes = np.concatenate([rng.integers(30, 900, 12), rng.integers(1, FEW + 1, 150), np.ones(400, int)])
    content = np.repeat(np.arange(len(sizes)), sizes)
    return pd.DataFrame({"a": content % 7, "b": content // 7, "y": rng.choice(3, len(content), p=[0.9, 0.09, 0.01])})


@pytest.fixture(scope="module")
def table(spark: SparkSession) -> Iterator[tuple[DataFrame, dict[str, int]]]:
    rows = few_contents(1)
    with cached(spark.createDataFrame(rows)) as df:
        yield df, {str(c): int(n) for c, n in rows["y"].value_counts().items()}


Groups = dict[tuple[int, int, int], Counter[str]]


def by_content(df: DataFrame, side: str) -> Groups:
    """Return the rows of each content and class on each side."""
    found: Groups = defaultdict(Counter)
    for r in df.groupBy("y", "a", "b", side).count().collect():
        found[r["y"], r["a"], r["b"]][r[side]] = r["count"]
    return found


def check_groups(groups: Groups, counts: dict[str, int], sides: dict[str, float]) -> None:
    """Heavy groups hold their proportion on each side; at most one other group per class and cut is divided."""
    torn: Counter[int] = Counter()
    for (y, *_), of in groups.items():
        n = sum(of.values())
        if is_heavy(n, counts[str(y)]):
            assert all(abs(of[s] - n * share) < len(sides) for s, share in sides.items()), (y, of)
        else:
            torn[y] += len(of) > 1
    assert all(n <= len(sides) - 1 for n in torn.values())


def test_splits_divide_heavy_groups_alone(table: tuple[DataFrame, dict[str, int]]) -> None:
    df, counts = table
    plan = stratified_split(df, DATA, counts, validation=0.1, test=0.2, seed=3)
    assert SplitPlan.from_json(plan.to_json()) == plan and not plan.deviations
    seen = [by_content(apply_split(df.repartition(n, "b"), plan), SPLIT) for n in (1, 7, 200)]
    assert seen[0] == seen[1] == seen[2], "equal rows are interchangeable: counts by content are the rows"
    check_groups(seen[0], counts, {"train": 0.7, "validation": 0.1, "test": 0.2})
    total = {s: sum(of[s] for of in seen[0].values()) for s in ("train", "validation", "test")}
    assert total == {s: sum(of.values()) for s, of in plan.counts.items()}
    marked = df.where(in_divided_group(df, plan)).groupBy("y", "a", "b").count().collect()
    heavy = {k for k, of in seen[0].items() if is_heavy(sum(of.values()), counts[str(k[0])])}
    assert heavy <= {(r["y"], r["a"], r["b"]) for r in marked}
    assert len(marked) - len(heavy) <= 2 * len(counts)


def test_folds_divide_heavy_groups_alone(table: tuple[DataFrame, dict[str, int]]) -> None:
    df, counts = table
    plan = stratified_folds(df, DATA, counts, 4, seed=1)
    groups = by_content(apply_folds(df, plan), "fold")
    check_groups(groups, counts, dict.fromkeys(range(4), 0.25))  # type: ignore[arg-type]  # numbers of folds
    sizes = Counter[int]()
    for of in groups.values():
        sizes.update(of)
    assert max(sizes.values()) - min(sizes.values()) <= 1


def test_samplers_divide_heavy_groups_alone(table: tuple[DataFrame, dict[str, int]]) -> None:
    df, counts = table
    kept = {"0": counts["0"] // 3, "1": counts["1"], "2": counts["2"]}
    sampler = RandomUnderSampler(label_col="y", sampling_strategy=kept)
    seen = [by_content(sampler.fit_resample(d), "y") for d in (df, df.repartition(7, "b"))]
    assert seen[0] == seen[1]
    before = by_content(df, "y")
    assert sum(sum(of.values()) for (y, *_), of in seen[0].items() if y == 0) == kept["0"]
    for key, of in before.items():
        n, left = of[key[0]], seen[0].get(key, Counter())[key[0]]  # type: ignore[index]
        if key[0] == 0 and is_heavy(n, counts["0"]):
            assert abs(left - n * kept["0"] / counts["0"]) < 1


def test_a_table_without_heavy_groups_is_read_twice_and_needs_no_window(spark: SparkSession) -> None:
    df = spark.range(3000).select(F.col("id").alias("a"), (F.col("id") % 7).alias("b"), (F.col("id") % 3).alias("y"))
    plan = stratified_split(df, DATA, {"0": 1000, "1": 1000, "2": 1000}, validation=0.1, test=0.2)
    assert "Window" not in apply_split(df, plan)._jdf.queryExecution().toString()


def test_equal_rows_are_units_of_their_own(spark: SparkSession) -> None:
    rows = few_contents(5).iloc[:2000]
    df = spark.createDataFrame(rows)
    places = [
        sorted(r[0] for r in d.select(unit_hash(d, ["a", "b"], ["y"], "bucket")).collect())
        for d in (df, df.repartition(7, "a"))
    ]
    assert places[0] == places[1] and len(set(places[0])) == len(rows)


def test_keys_of_several_classes_are_counted_and_groups_keep_them_whole(spark: SparkSession) -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"k": rng.integers(0, 300, 4000), "x": rng.random(4000), "y": rng.random(4000) < 0.1})
    df = spark.createDataFrame(rows)
    counts = {str(c).lower(): int(n) for c, n in rows["y"].value_counts().items()}
    data = Dataset("y", features=("x",), key=("k",), content=("k", "x"), group="k")
    plan = stratified_split(df, data, counts, validation=0.2, test=0.2)
    sides = apply_split(df, plan).select("k", SPLIT).toPandas().groupby("k")[SPLIT].nunique()
    assert count_torn_keys(df, plan, ["k"]) == (sides > 1).sum() > 0
    whole = grouped_split(df, data, counts, validation=0.2, test=0.2)
    assert count_torn_keys(df, whole, ["k"]) == 0


def test_the_command_says_that_keys_are_divided(spark: SparkSession, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pd.DataFrame({"k": rng.integers(0, 300, 4000), "y": rng.random(4000) < 0.1}).to_parquet(tmp_path / "t.parquet")
    done = steelyard_here("split", tmp_path / "t.parquet", "--label", "y", "--key", "k", "--out", tmp_path / "out")
    assert "keys occur in more than one split: they have rows of several classes" in " ".join(done.stdout.split())


def test_intervals_do_not_depend_on_a_column_of_ids(spark: SparkSession, tmp_path: Path) -> None:
    """Few distinct rows: the interval is about Wilson's, with or without ids."""
    n = np.arange(2000)
    y = n % 10 == 0
    p = np.where(y, n % 40 != 0, n % 7 == 0).astype(float)
    scores = pd.DataFrame({"id": n, "y": y.astype(int), "p": p})
    found = []
    for columns in (["y", "p"], ["id", "y", "p"]):
        path = tmp_path / f"{len(columns)}.parquet"
        scores[columns].to_parquet(path)
        found.append(interval_of_precision(path))
    k, m = int((y & (p == 1)).sum()), int((p == 1).sum())
    z, share = 1.96, k / m
    half = z * np.sqrt(share * (1 - share) / m + z * z / 4 / m / m) / (1 + z * z / m)
    middle = (share + z * z / 2 / m) / (1 + z * z / m)
    for low, high in found:
        assert abs(low - (middle - half)) < 0.02 and abs(high - (middle + half)) < 0.02


def interval_of_precision(path: Path) -> tuple[float, float]:
    import json

    done = steelyard_here("evaluate", path, "--label", "y", "--score", "p", "--json")
    low, high = json.loads(done.stdout)["splits"]["all"]["per_class"]["1"]["precision"]["ci95"]
    return low, high


def test_real_rows_that_repeat(spark: SparkSession, real_data: Callable[[str], str]) -> None:
    """A third of the rows of mammography are equal to the last digit: the largest group has 3,322 rows."""
    df = spark.read.parquet(real_data("mammography"))
    content = tuple(c for c in df.columns if c != "label")
    counts = {r["label"]: r["count"] for r in df.groupBy("label").count().collect()}
    names = {str(c): n for c, n in counts.items()}
    plan = stratified_split(df, Dataset("label", content, content=content), names, validation=0.1, test=0.2)
    largest = apply_split(df, plan).groupBy(*df.columns, SPLIT).count().orderBy(F.desc("count")).limit(3).collect()
    assert [r["count"] for r in largest] == [2325, 665, 332]


def test_samples_hold_heavy_groups_in_proportion(spark: SparkSession) -> None:
    """Twenty contents in 60,000 rows: a sample by hash alone would hold a few of them, or none."""
    ids = spark.range(60_000)
    df = ids.select((F.pow("id", 2) % 20).cast("double").alias("a"), (F.col("id") % 4).cast("double").alias("b"),
                    F.when(F.col("id") % 30 == 0, 1).otherwise(0).alias("y"))  # fmt: skip
    with cached(df) as rows:
        exact = rows.agg(F.stddev_pop("a"), F.stddev_pop("b")).first()
        scale = feature_scale(rows, ["a", "b"], Features(("a", "b")), {"a": 1, "b": 1}, "standard", 60_000)
        assert scale is not None and np.allclose(scale, list(exact or ()), rtol=0.02)
        seen = diagnose(rows, replace(DATA, classes=("0", "1"), positive="1"), {"0": 58_000, "1": 2_000})
    assert seen["types"]["sampled"] == pytest.approx(500, abs=20)
