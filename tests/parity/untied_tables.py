"""Tables on which no two distances are equal, and what a sampler keeps of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sklearn.datasets import make_classification, make_moons

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


def kept(spark: SparkSession, sampler: Any, x: NDArray[Any], y: NDArray[Any]) -> set[int]:
    df = spark.createDataFrame(pd.DataFrame({"id": np.arange(len(y)), "x": list(x), "label": y}))
    return {r["id"] for r in sampler.fit_resample(df).select("id").collect()}
