"""Cleaning methods keep the rows that imbalanced-learn keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imblearn.under_sampling as peers
import numpy as np
import pytest
from untied_tables import Table, kept

import steelyard.under_sampling as ours

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

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
