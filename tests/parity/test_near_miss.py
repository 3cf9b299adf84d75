"""NearMiss keeps the rows that imbalanced-learn keeps."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from imblearn.under_sampling import NearMiss as Peer
from long_cases import thinned
from numpy.typing import NDArray
from untied_tables import Table, generated, kept

from steelyard.errors import InputError
from steelyard.under_sampling import NearMiss

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def few(y: NDArray[Any]) -> dict[Any, int]:
    """Half of what even version 3 can give of each class but the rarest."""
    counts = Counter(y.tolist())
    rare = min(counts, key=counts.__getitem__)
    return {c: min(n, counts[rare]) // 3 for c, n in counts.items() if c != rare}


VERSIONS = [1, 2, 3]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_same_rows_are_kept(spark: SparkSession, table: Table, version: int) -> None:
    x, y = table
    other = {"n_neighbors": 5, "n_neighbors_ver3": 7} if len(y) % 2 else {}
    settings: dict[str, Any] = {"version": version, "sampling_strategy": few(y), **other}
    peer = Peer(**settings)
    peer.fit_resample(x, y)
    assert 0 < len(peer.sample_indices_) < len(y)
    assert kept(spark, NearMiss(key_col="id", features_col="x", **settings), x, y) == set(peer.sample_indices_.tolist())


@pytest.mark.parametrize("version", thinned(VERSIONS, [1]))
def test_the_rarest_class_is_reduced_as_in_imbalanced_learn(spark: SparkSession, version: int) -> None:
    x, y = generated("three classes")
    settings = {"version": version, "sampling_strategy": {"a": int((y == "a").sum()) // 2, "b": 20}}
    peer = Peer(**settings)
    peer.fit_resample(x, y)
    ours = NearMiss(key_col="id", features_col="x", **settings)
    assert kept(spark, ours, x, y) == set(peer.sample_indices_.tolist())


@pytest.mark.parametrize("version", thinned(VERSIONS, [3]))
def test_blocks_make_no_difference(spark: SparkSession, monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    x, y = generated("three classes")
    sampler = NearMiss(key_col="id", features_col="x", version=version, sampling_strategy={"ü": 30, "b": 30})
    whole = kept(spark, sampler, x, y)
    monkeypatch.setattr(NearMiss, "_block_bytes", lambda self: 4000)  # 100 rows
    assert kept(spark, sampler, x, y) == whole


def test_ties_go_by_id_and_counts_stay_exact(spark: SparkSession) -> None:
    df = spark.range(300).selectExpr("id", "id % 3 x", "if(id < 40, 'a', 'b') label")
    sampler = NearMiss(key_col="id", features_col="x", sampling_strategy={"b": 77})
    first = {r["id"] for r in sampler.fit_resample(df).where("label = 'b'").collect()}
    assert len(first) == 77
    assert {r["id"] for r in sampler.fit_resample(df.repartition(5)).where("label = 'b'").collect()} == first


def test_what_cannot_be_had_is_said(spark: SparkSession) -> None:
    df = spark.range(100).selectExpr("id", "cast(id as double) x", "if(id < 4, 'a', 'b') label")
    columns = {"key_col": "id", "features_col": "x"}
    with pytest.raises(InputError, match=r"n_neighbors_ver3=3 selects 3 rows of class 'b'.*and 5 are.*raise"):
        NearMiss(version=3, sampling_strategy={"b": 5}, **columns).resample(df)  # type: ignore[arg-type]
    with pytest.raises(
        InputError, match=r"n_neighbors=5 needs 5 rows of class 'a', and it has 4: set n_neighbors to 4"
    ):
        NearMiss(n_neighbors=5, **columns).plan(df)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"n_neighbors_ver3=97 needs 97 rows of class 'b', and it has 96"):
        NearMiss(version=3, n_neighbors_ver3=97, **columns).plan(df)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="version must be a whole number, 1 or more, up to 3"):
        NearMiss(version=4)
