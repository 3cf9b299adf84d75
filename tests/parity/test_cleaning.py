"""Cleaning methods keep the rows that imbalanced-learn keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import imblearn.under_sampling as peers
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from sklearn.datasets import make_classification, make_moons
from sklearn.neighbors import NearestNeighbors

import steelyard.under_sampling as ours

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Table = tuple[NDArray[np.float64], NDArray[Any]]
REAL = {"wilt": "Class", "oil_spill": "label", "yeast": "label", "creditcard_ulb_sample": "Class"}
NAMES = [*REAL, "three classes", "moons"]


def generated(name: str) -> Table:
    if name == "moons":
        x, y = make_moons(600, noise=0.35, random_state=0)
        kept = np.flatnonzero((y == 0) | (np.arange(600) % 4 == 0))
        return x[kept], y[kept]
    x, y = make_classification(
        700, 5, n_informative=4, n_redundant=0, n_classes=3, weights=[0.7, 0.2, 0.1], class_sep=0.7, random_state=1
    )
    return x, np.array(["ü", "b", "a"])[y]


def real(path: str, label: str, rows: int = 1500) -> Table:
    """Up to so many rows; a little noise, so that no two distances are equal."""
    table = pq.read_table(path).to_pandas()
    rare = table[label] == table[label].value_counts().idxmin()
    if len(table) > rows:
        table = pd.concat([table[rare], table[~rare].sample(rows - rare.sum(), random_state=0)])
    x = table.drop(columns=label).select_dtypes("number").to_numpy(dtype=float)
    x = x / np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    return x + np.random.default_rng(0).normal(0, 1e-3, x.shape), table[label].to_numpy()


@pytest.fixture(scope="module", params=NAMES)
def table(request: pytest.FixtureRequest, real_data: Callable[[str], str]) -> Table:
    name = request.param
    x, y = real(real_data(name), REAL[name]) if name in REAL else generated(name)
    distances = NearestNeighbors(n_neighbors=8).fit(x).kneighbors(x)[0]
    assert (np.diff(distances, axis=1) > 1e-12).all(), "the test's data have no ties"
    return x, y


def kept(spark: SparkSession, sampler: Any, x: NDArray[Any], y: NDArray[Any]) -> set[int]:
    df = spark.createDataFrame(pd.DataFrame({"id": np.arange(len(y)), "x": list(x), "label": y}))
    return {r["id"] for r in sampler.fit_resample(df).select("id").collect()}


METHODS: list[tuple[str, dict[str, Any]]] = [
    ("TomekLinks", {}),
    ("TomekLinks", {"sampling_strategy": "all"}),
    ("EditedNearestNeighbours", {}),
    ("EditedNearestNeighbours", {"kind_sel": "mode", "n_neighbors": 4, "sampling_strategy": "all"}),
    ("RepeatedEditedNearestNeighbours", {"kind_sel": "mode"}),
    ("AllKNN", {}),
    ("AllKNN", {"kind_sel": "mode", "allow_minority": True}),
    ("NeighbourhoodCleaningRule", {}),
    ("NeighbourhoodCleaningRule", {"n_neighbors": 5, "threshold_cleaning": 0.1}),
]


@pytest.mark.parametrize(("method", "params"), METHODS, ids=lambda v: v if isinstance(v, str) else ",".join(v) or "-")
def test_the_same_rows_are_kept(spark: SparkSession, table: Table, method: str, params: dict[str, Any]) -> None:
    x, y = table
    peer = getattr(peers, method)(**params)
    # imbalanced-learn fails to find the mode of strings.
    peer.fit_resample(x, np.unique(y, return_inverse=True)[1])
    expected = set(peer.sample_indices_.tolist())
    assert len(expected) < len(y), "the method drops something here"
    sampler = getattr(ours, method)(key_col="id", features_col="x", **params)
    assert kept(spark, sampler, x, y) == expected


def test_repetition_ends_as_in_imbalanced_learn_when_a_class_gets_smaller_than_the_rarest(spark: SparkSession) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(120, 2))
    y = np.repeat(["a", "b", "c"], [60, 34, 26])
    for params in ({}, {"max_iter": 1}):
        peer = peers.RepeatedEditedNearestNeighbours(**params)
        peer.fit_resample(x, y)
        sampler = ours.RepeatedEditedNearestNeighbours(key_col="id", features_col="x", **params)
        assert kept(spark, sampler, x, y) == set(peer.sample_indices_.tolist())
