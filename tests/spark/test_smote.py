"""SMOTE against its definition: scikit-learn's neighbours, segments, uniform gaps, equal use of seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest
from pyspark.sql import functions as F
from scipy import stats
from sklearn.neighbors import NearestNeighbors

from steelyard.over_sampling import SMOTE
from steelyard.testing._tables import ROLES, explained, multiset, plain_table, sample_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def split(result: DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Original rows by their id, and new rows."""
    rows = result.toArrow()  # ids have 63 bits: pandas would make floats of a column with nulls
    old, new = (
        rows.filter(rows["is_synthetic"] if made else pc.invert(rows["is_synthetic"])) for made in (False, True)
    )
    return old.to_pandas().set_index("row_id", verify_integrity=True), new.to_pandas()


def check_definition(result: DataFrame, features: list[str], label: str, k: int, scale: Any = 1.0) -> pd.DataFrame:
    """Check every new row by brute force, and return them."""
    old, new = split(result)
    integers = {name for name, kind in result.dtypes if kind.endswith("int")}
    seeds, partners = old.loc[new.seed_id], old.loc[new.neighbor_id]
    a, b, x = (np.asarray(t[features], dtype=float) for t in (seeds, partners, new))
    gap = new.gap.to_numpy()[:, None]
    step = gap * (b - a)
    step[:, [f in integers for f in features]] = np.rint(step[:, [f in integers for f in features]])
    assert np.array_equal(x, np.clip(a + step, np.minimum(a, b), np.maximum(a, b))), "on the segment"
    assert (seeds[label].to_numpy() == new[label].to_numpy()).all()
    assert (partners[label].to_numpy() == new[label].to_numpy()).all()
    assert ((new.gap >= 0) & (new.gap < 1)).all()
    assert new.row_id.is_unique and not new.row_id.isin(old.index).any()
    for name, of_class in new.groupby(label):
        members = old[old[label] == name]
        uses = of_class.seed_id.value_counts().reindex(members.index, fill_value=0)
        assert uses.max() - uses.min() <= 1, "seeds are used equally"
        points = members[features].to_numpy(dtype=float) / scale
        different = np.unique(points, axis=0)
        distances = NearestNeighbors(n_neighbors=k + 1, algorithm="kd_tree").fit(different).kneighbors(points)[0][:, k]
        reach = pd.Series(distances, index=members.index)[of_class.seed_id].to_numpy()
        apart = np.linalg.norm((a - b)[new[label] == name] / scale, axis=1)
        assert (apart <= reach * (1 + 1e-9)).all() and (apart > 0).all(), "a neighbour is one of the k nearest"
    return new


def test_real_frauds(spark: SparkSession, real_data: Callable[[str], str]) -> None:
    df = spark.read.parquet(real_data("creditcard_ulb_sample")).where("Class = 1 or Amount < 3")
    features = [c for c in df.columns if c != "Class"]
    result = SMOTE(label_col="Class", sampling_strategy={1: 492 * 5 + 40}, provenance=True).fit_resample(df)
    new = check_definition(result, features, "Class", 5)
    assert len(new) == 492 * 4 + 40
    assert stats.kstest(new.gap, "uniform").pvalue > 0.001


def test_neighbours_are_scikit_learns(spark: SparkSession, real_data: Callable[[str], str]) -> None:
    df = spark.read.parquet(real_data("creditcard_ulb_sample")).where("Class = 1 or Amount < 1")
    features = [c for c in df.columns if c != "Class"]
    sampler = SMOTE(label_col="Class", sampling_strategy={1: 492 * 60}, provenance=True, k_neighbors=3)
    old, new = split(sampler.fit_resample(df))
    rare = old[old.Class == 1]
    points = rare[features].to_numpy(dtype=float)
    distances, near = NearestNeighbors(n_neighbors=5, algorithm="kd_tree").fit(points).kneighbors(points)
    clear = (np.diff(distances, axis=1) > 1e-9).all(axis=1)
    assert clear.mean() > 0.8
    drawn = new.groupby("seed_id").neighbor_id.agg(set)
    for position in np.flatnonzero(clear):
        # 59 draws of 3 miss one of them once in 10^10.
        assert drawn[rare.index[position]] == set(rare.index[near[position, 1:4]])


@pytest.mark.parametrize("scale", ["standard", "robust"])
def test_scaled_distances(spark: SparkSession, scale: str) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(90, 2)) * [1000.0, 0.01]
    df = plain_table(spark, values.tolist(), ["a"] * 60 + ["b"] * 30)
    sampler = SMOTE(scale=scale, provenance=True, k_neighbors=3)
    divisors = np.array(sampler.plan(df).details["scale"])
    expected = values.std(axis=0) if scale == "standard" else stats.iqr(values, axis=0, interpolation="inverted_cdf")
    np.testing.assert_allclose(divisors, expected, rtol=1e-9)
    check_definition(sampler.fit_resample(df), ["f0", "f1"], "label", 3, divisors)


def test_several_classes_and_repeated_rows(spark: SparkSession) -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(0, 6, (140, 2)).astype(float)
    df = plain_table(spark, values.tolist(), ["a"] * 70 + ["b"] * 40 + ["c"] * 30)
    result = SMOTE(provenance=True, k_neighbors=4).fit_resample(df)
    new = check_definition(result, ["f0", "f1"], "label", 4)
    assert Counter(new.label) == {"b": 30, "c": 40}


def test_small_blocks_give_the_same_rows(spark: SparkSession) -> None:
    class SmallBlocks(SMOTE):
        def _block_bytes(self) -> int:
            return 8 * 5 * 10

    df = sample_table(spark)
    wanted = {"b": 40, "c": 30}
    params: dict[str, Any] = {"sampling_strategy": wanted, "provenance": True, **ROLES}
    small = SmallBlocks(**params)
    assert small.plan(df).work.tasks >= 8
    assert multiset(small.fit_resample(df)) == multiset(SMOTE(**params).fit_resample(df))


def test_fewer_new_rows_than_seeds_search_only_for_those(spark: SparkSession) -> None:
    plan = SMOTE(sampling_strategy={"b": 20, "c": 14}, **ROLES).plan(sample_table(spark))
    assert plan.work.distances == 3 * 17 + 2 * 12


def test_equal_rows_are_neighbours_where_asked_for(spark: SparkSession) -> None:
    df = plain_table(spark, [[i, 0] for i in range(30)] + [[1, 1]] * 12, ["a"] * 30 + ["b"] * 12)
    result = SMOTE(distinct_neighbors=False, provenance=True).fit_resample(df)
    _, new = split(result)
    assert len(new) == 18 and (new.f0 == 1).all() and (new.f1 == 1).all()
    assert (new.seed_id != new.neighbor_id).all()


def test_ids_do_not_depend_on_which_classes_grow(spark: SparkSession) -> None:
    df = sample_table(spark)
    both, one = (
        split(SMOTE(sampling_strategy=s, provenance=True, **ROLES).fit_resample(df))[1]
        for s in ({"b": 30, "c": 30}, {"c": 30})
    )
    assert set(one.row_id) == set(both.row_id[both.label == "c"])


def test_odd_column_names(spark: SparkSession) -> None:
    names = ["a.b", "c d", "e`f", "p", "s"]
    df = sample_table(spark).select("label", *[F.col("x").alias(n) for n in names[:2]], F.col("y").alias("e`f"),
                                    F.col("n").alias("p"), F.col("w").alias("s"))  # fmt: skip
    result = SMOTE(weight_col="s").fit_resample(df)
    assert result.columns == [*df.columns, "is_synthetic"]
    assert result.where("is_synthetic and `e``f` is not null and s is not null").count() == 24 + 29


def test_new_rows_are_told_from_copies_of_imbalanced_learns(spark: SparkSession) -> None:
    """Same distribution as imbalanced-learn's, feature by feature and in distance to the nearest original."""
    import imblearn.over_sampling as peers

    rng = np.random.default_rng(2)
    values = np.vstack([rng.normal(0, 1, (400, 3)), rng.gamma(2, 1, (150, 3))])
    labels = np.repeat(["a", "b"], [400, 150])
    peer = peers.SMOTE(random_state=0, sampling_strategy={"b": 1650}).fit_resample(values, labels)[0][550:]
    df = plain_table(spark, values.tolist(), labels.tolist())
    made = SMOTE(sampling_strategy={"b": 1650}).fit_resample(df).where("is_synthetic")
    ours = np.asarray(made.select("f0", "f1", "f2").toPandas(), dtype=float)
    nearest = NearestNeighbors(n_neighbors=1).fit(values[400:])
    for i in range(3):
        assert stats.ks_2samp(ours[:, i], peer[:, i]).pvalue > 0.001
    assert stats.ks_2samp(nearest.kneighbors(ours)[0][:, 0], nearest.kneighbors(peer)[0][:, 0]).pvalue > 0.001


def test_times_are_the_same_in_any_time_zone(spark: SparkSession) -> None:
    df = sample_table(spark)
    zone = "spark.sql.session.timeZone"
    micros, before = F.unix_micros("at").alias("at"), str(spark.conf.get(zone))
    made = []
    try:
        for name in ("UTC", "America/St_Johns"):
            spark.conf.set(zone, name)
            result = SMOTE(sampling_strategy={"b": 40}, **ROLES).fit_resample(df)
            assert dict(result.dtypes)["at"] == "timestamp"
            made.append(multiset(result.select(micros, "x", "label")))
    finally:
        spark.conf.set(zone, before)
    assert made[0] == made[1]


@pytest.mark.parametrize("blocks", [1, 4])
def test_the_plan_names_the_cost_that_spark_plans(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks: int
) -> None:
    sample_table(spark).write.parquet(str(tmp_path / "table"))
    df = spark.read.parquet(str(tmp_path / "table"))
    monkeypatch.setattr(SMOTE, "_block_bytes", lambda self: 8 * 5 * 17 // blocks)
    sampler = SMOTE(sampling_strategy={"b": 34}, **ROLES)
    work = sampler.plan(df).work
    # As a user's session plans a large table: no broadcasts, and what is reused is seen only while it runs.
    settings = {"spark.sql.autoBroadcastJoinThreshold": "-1", "spark.sql.adaptive.enabled": "true"}
    before = {name: str(spark.conf.get(name)) for name in settings}
    try:
        for name, value in settings.items():
            spark.conf.set(name, value)
        text = explained(sampler.fit_resample(df))
    finally:
        for name, value in before.items():
            spark.conf.set(name, value)
    assert text.count("Exchange ") == work.shuffles
    assert text.count("InArrow") == work.python
    assert text.count("FileScan") == work.scans - 2, "counts and survey come before"
