"""Near-duplicates across splits against what few or coarse features give by chance."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.ml.functions import array_to_vector
from pyspark.sql import DataFrame, SparkSession

from steelyard.guards import GuardResult, _chance, run_guard
from steelyard.guards._needs import parts_by_split, same_rows
from steelyard.kernels.coincidence import COMBINATIONS, chance_of_twin

EXPECTATION = "expect_no_near_duplicates_across_splits"


def divided(table: pd.DataFrame, seed: int = 7) -> pd.DataFrame:
    """Put each row into a split by itself, as a key of its own does."""
    places = np.random.default_rng(seed).choice(["train", "validation", "test"], len(table), p=[0.7, 0.1, 0.2])
    return table.assign(split=places)


def copied(table: pd.DataFrame, rows: int, times: int = 1) -> pd.DataFrame:
    """Add copies of the first rows; their doubles differ in the tenth digit."""
    copies = pd.concat([table[:rows]] * times)
    noise = np.random.default_rng(3).uniform(-1e-10, 1e-10, copies.shape)
    fine = [c for c in table if table[c].dtype == float]
    copies[fine] = copies[fine] * (1 + noise[:, : len(fine)])
    return pd.concat([table, copies], ignore_index=True)


def levels(rows: int, features: int, count: int) -> pd.DataFrame:
    """Draw whole numbers; each feature repeats the one before it in three of five rows."""
    random = np.random.default_rng(features)
    drawn = random.integers(0, count, (rows, features))
    for before, after in pairwise(range(features)):
        drawn[:, after] = np.where(random.random(rows) < 0.6, drawn[:, before], drawn[:, after])
    return pd.DataFrame(drawn, columns=[f"f{i}" for i in range(features)])


def doubles(rows: int, features: int) -> pd.DataFrame:
    """Draw normal features."""
    drawn = np.random.default_rng(features).normal(size=(rows, features))
    return pd.DataFrame(drawn, columns=[f"x{i}" for i in range(features)])


def constant(rows: int, part: int) -> pd.DataFrame:
    """Draw normal features of which the first rows are all the same."""
    table = doubles(rows, 6)
    table[:part] = 0.5
    return table


MADE: dict[str, tuple[Callable[[], pd.DataFrame], bool]] = {
    "one coarse feature": (lambda: levels(500, 1, 40), False),
    "three whole numbers": (lambda: levels(800, 3, 12), False),
    "nine coarse features": (lambda: levels(3000, 9, 3), False),
    "one content in a third of the rows": (lambda: constant(3000, 1000), False),
    "doubles": (lambda: doubles(3000, 5), False),
    "coarse and fine features": (lambda: levels(3000, 5, 3).join(doubles(3000, 1)), False),
    "1 % copied": (lambda: copied(doubles(5000, 8), 50), True),
    "1 % copied, two features": (lambda: copied(doubles(5000, 2), 50), True),
    "1 % copied, coarse and fine": (
        lambda: copied(pd.concat([levels(5000, 5, 3), doubles(5000, 3)], axis=1), 50),
        True,
    ),
    "few rows, 50 copies each": (lambda: copied(doubles(5000, 4), 30, 50), True),
    "2 % copied, twenty categories": (lambda: copied(levels(5000, 20, 5).astype(str), 100), True),
}

REAL = {
    "haberman": False,
    "mammography": False,
    "keel/wisconsin": False,
    "keel/kr_vs_k_zero_vs_eight": False,
    "keel/pima": False,
    "wilt": True,  # 20 pairs of equal rows among 4,839
    "keel/segment0": True,  # a fifth of the rows is there twice or more, in 19 features
}


def judged(df: DataFrame, own_suite: Callable[..., str], share: float = 0.001) -> GuardResult:
    """Return the verdict of this expectation alone."""
    features = [c for c in df.columns if c not in ("split", "label", "Class")]
    suite = own_suite(
        {"type": EXPECTATION, "kwargs": {"features": features, "max_share": share}, "severity": "warning"}
    )
    (result,) = run_guard("split", suite, df, {}).results
    return result


@pytest.mark.parametrize("name", MADE)
def test_only_copies_are_called_leaks(spark: SparkSession, own_suite: Callable[..., str], name: str) -> None:
    make, leaks = MADE[name]
    result = judged(spark.createDataFrame(divided(make())), own_suite)
    assert result.success is not leaks, result.message
    if leaks:
        assert "; chance gives " in result.message
        assert result.observed["twins"] > 3 * result.observed["chance"] * result.observed["rows"]


@pytest.mark.parametrize("name", REAL)
def test_real_tables_that_are_split_row_by_row(
    spark: SparkSession, own_suite: Callable[..., str], real_data: Callable[[str], str], name: str
) -> None:
    result = judged(spark.createDataFrame(divided(pd.read_parquet(real_data(name)))), own_suite)
    assert result.success is not REAL[name], result.message


def test_copies_among_the_elements_of_a_vector(spark: SparkSession, own_suite: Callable[..., str]) -> None:
    made = divided(copied(doubles(3000, 7), 60))
    names = [c for c in made if c != "split"]
    arrays = pd.DataFrame({"v": list(made[names].to_numpy()), "split": made.split})
    df = spark.createDataFrame(arrays)
    result = judged(df.withColumn("v", array_to_vector("v")), own_suite)
    assert not result.success and "chance gives none" in result.message
    coarse = divided(levels(2000, 6, 3).astype(float))
    arrays = pd.DataFrame({"v": list(coarse[[c for c in coarse if c != "split"]].to_numpy()), "split": coarse.split})
    assert judged(spark.createDataFrame(arrays), own_suite).success


def test_the_estimate_is_that_of_brute_force_under_any_partitioning(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = divided(levels(2000, 7, 4))
    df, names = spark.createDataFrame(made), [c for c in made if c != "split"]
    kind: Any = same_rows(names, parts_by_split("split", ["train", "test"]), digits=6, beyond=0.0)
    train, test = (made[made.split == part] for part in ("train", "test"))
    exact = by_brute_force(train, test, [sorted(names)[i::3] for i in range(3)])
    assert 0.2 < exact < 0.8
    assert _chance.share_by_chance(df, kind, len(train)) == pytest.approx(exact, abs=1e-12)
    monkeypatch.setattr(_chance, "_SAMPLE", 100)
    drawn = {_chance.share_by_chance(df.repartition(n), kind, len(train)) for n in (1, 7, 200)}
    assert len(drawn) == 1, "the same sample and the same order of sums"
    assert abs(drawn.pop() - exact) < 0.1


def by_brute_force(train: pd.DataFrame, test: pd.DataFrame, thirds: list[list[str]]) -> float:
    """Compare all test rows with all training rows."""
    equal = [(test[t].to_numpy()[:, None] == train[t].to_numpy()[None]).all(axis=2) for t in thirds]
    counts = [np.logical_and.reduce([equal[i] for i in places]).sum(axis=1) for places in COMBINATIONS]
    return float(chance_of_twin(np.array(counts).T, len(train)).mean())
