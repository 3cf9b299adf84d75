"""What imbalanced-learn gives in one process, it gives in a Spark task too, on rows in the order of their ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import imblearn.over_sampling
import imblearn.under_sampling
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from long_cases import thinned
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from sklearn.datasets import make_classification
from sklearn.neighbors import NearestNeighbors
from sklearn.svm import SVC

from steelyard import over_sampling, under_sampling
from steelyard.hashing import ROW_ID, with_row_id
from steelyard.labels import class_name
from steelyard.sampling import Sampler, apply_plan
from steelyard.testing._tables import refused

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

REAL = {"wilt": "Class", "oil_spill": "label", "yeast": "label"}
NAMES = [*REAL, "three classes"]


@pytest.fixture(scope="module", params=thinned(NAMES, ["three classes"]))
def table(request: pytest.FixtureRequest, real_data: Callable[[str], str]) -> pd.DataFrame:
    """Up to 400 rows with a string, an integer or a label of many classes."""
    if request.param == "three classes":
        x, y = make_classification(
            240, 5, n_informative=4, n_redundant=0, n_classes=3, weights=[0.6, 0.25, 0.15], random_state=1
        )
        return pd.DataFrame({"id": np.arange(240), "x": list(x), "label": np.array(["ü", "b", "a"])[y]})
    path, label = real_data(request.param), REAL[request.param]
    found = pq.read_table(path).to_pandas()
    # Each class has a size of its own, so that there is something to do.
    sizes = found[label].value_counts()
    wanted = dict(zip(sizes[sizes >= 35].index, (150, 110, 80, 60, 50, 40, 35), strict=False))
    found = pd.concat([found[found[label] == c].head(n) for c, n in wanted.items()], ignore_index=True)
    x = found.drop(columns=label).select_dtypes("number").to_numpy(dtype=float)
    x = x / np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    return pd.DataFrame({"id": np.arange(len(x)), "x": list(x), "label": found[label].to_numpy()})


def in_order(df: DataFrame) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return ids, features and class codes of the rows, as one process would get them."""
    rows = with_row_id(df, ["id", "label"]).orderBy(ROW_ID).select("id", "x", "label").toPandas()
    return rows["id"].to_numpy(), np.stack(rows["x"].to_list()), np.unique(rows["label"], return_inverse=True)[1]


SELECTING: list[tuple[str, dict[str, Any]]] = [
    ("CondensedNearestNeighbour", {}),
    ("CondensedNearestNeighbour", {"n_neighbors": 3, "n_seeds_S": 4, "random_state": 5}),
    ("OneSidedSelection", {}),
    ("OneSidedSelection", {"n_seeds_S": 30, "sampling_strategy": "majority", "scale": "standard"}),
    ("ClusterCentroids", {"voting": "hard"}),
]


MAKING: list[tuple[str, dict[str, Any]]] = [
    ("SVMSMOTE", {}),
    ("SVMSMOTE", {"k_neighbors": 3, "m_neighbors": 20, "out_step": 1.0, "svm_estimator": SVC(C=10.0)}),
    ("KMeansSMOTE", {"cluster_balance_threshold": 0.0}),
    ("KMeansSMOTE", {"kmeans_estimator": 3, "density_exponent": 2.0, "random_state": 4}),
    ("ClusterCentroids", {}),
    ("ClusterCentroids", {"estimator": MiniBatchKMeans(n_init=1), "random_state": 3}),
]


def ours(method: str, **params: Any) -> Sampler:
    module = over_sampling if hasattr(over_sampling, method) else under_sampling
    found: Sampler = getattr(module, method)(key_col="id", features_col="x", **params)
    return found


def peer(method: str, **params: Any) -> Any:
    """Return imbalanced-learn's sampler; objects among its parameters get the seed that ours gives them."""
    module = imblearn.over_sampling if hasattr(imblearn.over_sampling, method) else imblearn.under_sampling
    params = {"random_state": 0, **params}
    for value in params.values():
        if hasattr(value, "set_params"):
            value.set_params(random_state=params["random_state"])
    return getattr(module, method)(**params)


def called(values: Any) -> str | None:
    return values if isinstance(values, str) else ",".join(values) or "-"


@pytest.mark.parametrize(("method", "params"), SELECTING, ids=called)
def test_the_same_rows_are_kept(spark: SparkSession, table: pd.DataFrame, method: str, params: dict[str, Any]) -> None:
    df = spark.createDataFrame(table).repartition(3)
    ids, x, y = in_order(df)
    sampler = ours(method, **params)
    made = sampler.resample(df)
    scale = made.plan.details["scale"] or 1.0
    theirs = peer(method, **{n: v for n, v in params.items() if n != "scale"})
    after, _ = theirs.fit_resample(x / np.asarray(scale), y)
    result = apply_plan(df, made.plan, made.synthetic, made.dropped).select("id", "x", "is_synthetic").collect()
    if hasattr(theirs, "sample_indices_"):
        expected = set(ids[theirs.sample_indices_].tolist())
        assert len(expected) < len(ids), "the method drops something here"
        assert {r["id"] for r in result} == expected and len(result) == len(expected)
    else:
        # Of equal rows it is all one which is kept.
        assert Counter(tuple(r["x"]) for r in result) == Counter(map(tuple, after))
        assert all(r["is_synthetic"] == (r["id"] is None) for r in result)


@pytest.mark.parametrize(("method", "params"), MAKING, ids=called)
def test_the_same_rows_are_made(spark: SparkSession, table: pd.DataFrame, method: str, params: dict[str, Any]) -> None:
    df = spark.createDataFrame(table).repartition(3)
    _, x, y = in_order(df)
    try:
        after, labels = peer(method, **params).fit_resample(x, y)
    except (RuntimeError, ValueError) as error:
        refused(lambda: ours(method, **params).resample(df), str(error))
        return
    sampler = ours(method, **params)
    made = sampler.resample(df)
    assert made.synthetic is not None
    new = made.synthetic.select("x", "label").toPandas()
    old = 0 if sampler.sampling_type == "under-sampling" else len(x)
    assert {c: of.after for c, of in made.plan.classes.items()} == sampler.targets(
        {c: of.before for c, of in made.plan.classes.items()}
    )
    if any(of.new > (labels[old:] == i).sum() for i, of in enumerate(made.plan.classes.values())):
        return  # imbalanced-learn's SVMSMOTE gives too few where all support vectors are in danger
    for code, name in enumerate(np.unique(table["label"])):
        of_class, plan = x[y == code], made.plan.classes[class_name(name)]
        theirs = np.clip(after[old:][labels[old:] == code], of_class.min(axis=0), of_class.max(axis=0))
        found = np.array(new.loc[new["label"] == name, "x"].to_list()).reshape(-1, x.shape[1])
        assert len(found) == plan.new
        if len(found):
            distance, place = NearestNeighbors(n_neighbors=1, algorithm="kd_tree").fit(theirs).kneighbors(found)
            assert distance.max() < 1e-9
            # Each of them once: as many different rows of theirs as there are of ours.
            different = (len(np.unique(np.round(rows, 9), axis=0)) for rows in (theirs[place[:, 0]], found))
            assert len(set(different)) == 1
