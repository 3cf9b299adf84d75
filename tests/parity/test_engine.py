"""What imbalanced-learn gives in one process, it gives in a Spark task too, on rows in the order of their ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import imblearn.under_sampling
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from sklearn.datasets import make_classification

import steelyard.under_sampling
from steelyard.hashing import with_row_id

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

REAL = {"wilt": "Class", "oil_spill": "label", "yeast": "label"}
NAMES = [*REAL, "three classes"]


@pytest.fixture(scope="module", params=NAMES)
def table(request: pytest.FixtureRequest, real_data: Callable[[str], str]) -> pd.DataFrame:
    """Up to 400 rows with a string, an integer or a label of many classes."""
    if request.param == "three classes":
        x, y = make_classification(
            240, 5, n_informative=4, n_redundant=0, n_classes=3, weights=[0.6, 0.25, 0.15], random_state=1
        )
        return pd.DataFrame({"id": np.arange(240), "x": list(x), "label": np.array(["ü", "b", "a"])[y]})
    path, label = real_data(request.param), REAL[request.param]
    found = pq.read_table(path).to_pandas()
    sizes = found[label].value_counts()
    common = sizes[sizes >= 35].index
    found = found[found[label].isin(common)].groupby(label).head(150).reset_index(drop=True)
    x = found.drop(columns=label).select_dtypes("number").to_numpy(dtype=float)
    x = x / np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    return pd.DataFrame({"id": np.arange(len(x)), "x": list(x), "label": found[label].to_numpy()})


def in_order(df: DataFrame) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return ids, features and class codes of the rows, as one process would get them."""
    rows = with_row_id(df, ["id", "label"]).orderBy("__row_id").select("id", "x", "label").toPandas()
    return rows["id"].to_numpy(), np.stack(rows["x"].to_list()), np.unique(rows["label"], return_inverse=True)[1]


SELECTING: list[tuple[str, dict[str, Any]]] = [
    ("CondensedNearestNeighbour", {}),
    ("CondensedNearestNeighbour", {"n_neighbors": 3, "n_seeds_S": 4, "random_state": 5}),
]


@pytest.mark.parametrize(("method", "params"), SELECTING, ids=lambda v: v if isinstance(v, str) else ",".join(v) or "-")
def test_the_same_rows_are_kept(spark: SparkSession, table: pd.DataFrame, method: str, params: dict[str, Any]) -> None:
    df = spark.createDataFrame(table).repartition(3)
    ids, x, y = in_order(df)
    peer = getattr(imblearn.under_sampling, method)(**{"random_state": 0, **params})
    peer.fit_resample(x, y)
    expected = set(ids[peer.sample_indices_].tolist())
    assert len(expected) < len(ids), "the method drops something here"
    sampler = getattr(steelyard.under_sampling, method)(key_col="id", features_col="x", **params)
    assert {r["id"] for r in sampler.fit_resample(df).select("id").collect()} == expected
