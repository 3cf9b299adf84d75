"""imbalanced-learn as the engine: any sampler of its, in one task, by classes and by cells; and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from imblearn.combine import SMOTETomek
from imblearn.over_sampling import SMOTENC, BorderlineSMOTE
from imblearn.under_sampling import NearMiss, RandomUnderSampler
from long_cases import thinned
from pyspark.sql import functions as F
from sklearn.svm import SVC

from steelyard.errors import EngineError, InputError
from steelyard.over_sampling import SVMSMOTE, KMeansSMOTE
from steelyard.sampling import ImblearnSampler, apply_plan
from steelyard.testing._tables import class_sizes, multiset, refused, sample_table
from steelyard.under_sampling import ClusterCentroids, CondensedNearestNeighbour

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from steelyard.sampling import Resampling, Sampler

SIZES = {"a": 300, "b": 120, "c": 40}


@pytest.fixture(scope="module")
def df(spark: SparkSession) -> DataFrame:
    """Three classes in clusters of different sizes."""
    rng = np.random.default_rng(0)
    label = np.repeat(list(SIZES), list(SIZES.values()))
    centre = rng.normal(size=(6, 3)) * 4
    x = centre[rng.choice(6, 460, p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.1])] + rng.normal(size=(460, 3))
    table = pd.DataFrame({"id": np.arange(460), "x": list(x), "label": label})
    return spark.createDataFrame(table).localCheckpoint()


def sampled(sampler: Sampler, df: DataFrame) -> tuple[Resampling, DataFrame]:
    made = sampler.resample(df)
    return made, apply_plan(df, made.plan, made.synthetic, made.dropped)


CELLS: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (SVMSMOTE, {"sampling_strategy": {"b": 177, "c": 101}, "k_neighbors": 3}),
    (ClusterCentroids, {"sampling_strategy": {"a": 101, "b": 43}}),
    (CondensedNearestNeighbour, {}),
]


@pytest.mark.parametrize(("make", "params"), thinned(CELLS, CELLS[1:2]))
def test_cells_hold_a_table_that_no_task_can(
    make: Callable[..., Sampler], params: dict[str, Any], df: DataFrame
) -> None:
    given = {"key_col": "id", "features_col": "x", "max_rows": 150, **params}
    refused(lambda: make(**given).resample(df), "460 rows", "max_rows is 150", "scope='cell'", "random_under_sampler")
    sampler = make(scope="cell", **given)
    made, result = sampled(sampler, df)
    n = int(made.plan.details["scope"].removeprefix("cell: ").removesuffix(" cells"))
    assert n == made.plan.work.tasks >= 460 // 150
    sizes = class_sizes(result)
    assert sizes == {c: of.after for c, of in made.plan.classes.items()}
    if sampler.sampling_type == "clean-sampling":
        assert sizes["c"] == 40 and all(sizes[c] < SIZES[c] for c in "ab")
    else:
        assert sizes == SIZES | params["sampling_strategy"]
    mixed = df.orderBy(F.hash("id")).repartition(5)
    assert multiset(sampler.fit_resample(mixed)) == multiset(result)


def test_no_cell_has_more_rows_than_a_task_may_get(spark: SparkSession) -> None:
    from steelyard.sampling.engine._cells import by_cells
    from steelyard.sampling.engine._scopes import ClassQuotas

    # Nearly all rows in one cell, many of them equal.
    x = np.concatenate(
        [np.zeros((300, 2)), np.random.default_rng(0).normal(size=(100, 2)) * 0.1, np.full((20, 2), 9.0)]
    )
    code = np.repeat([0, 1, 0], [300, 40, 80])
    table = pd.DataFrame({"row_id": np.arange(420) * 7919, "code": code, "x": list(x)})
    points = spark.createDataFrame(table).withColumns(
        {"code": F.col("code").cast("int"), "c": F.array().cast("array<string>")}
    )
    centres = np.array([[0.0, 0.0], [9.0, 9.0]])
    for guests, cleaned in ((True, (0,)), (False, (0, 1))):
        quotas = ClassQuotas("it", {"a": 380, "b": 40}, {}, cleaned, False, 1, 90)
        with by_cells(points, centres, None, quotas) as assignment:
            counts = {r["task"]: r["count"] for r in assignment.rows.groupBy("task").count().collect()}
            home = assignment.rows.where("home").agg(F.count("*"), F.count_distinct("row_id")).first()
            rare = assignment.rows.where("code = 1").count()
        assert max(counts.values()) <= 90 and len(counts) == assignment.n
        assert home is not None and tuple(home) == (420, 420)
        assert rare == (40 * assignment.n if guests else 40)


def test_a_table_of_one_cell_is_a_table_of_one_task(df: DataFrame) -> None:
    given: dict[str, Any] = {"key_col": "id", "features_col": "x", "sampling_strategy": {"c": 90}}
    one, cell = (SVMSMOTE(scope=scope, **given).fit_resample(df) for scope in ("one_task", "cell"))
    assert multiset(one) == multiset(cell)


def test_two_classes_by_class_are_as_in_one_task(df: DataFrame) -> None:
    two = df.where("label <> 'b'")
    one, by_class = (
        CondensedNearestNeighbour(key_col="id", features_col="x", scope=scope).resample(two)
        for scope in ("one_task", "class")
    )
    assert one.dropped is not None and by_class.dropped is not None
    assert multiset(one.dropped) == multiset(by_class.dropped)
    assert by_class.plan.details["scope"] == "class: 1 tasks"


def test_any_sampler_of_imbalanced_learn(df: DataFrame, spark: SparkSession) -> None:
    given: dict[str, Any] = {"key_col": "id", "features_col": "x"}
    for inner, wanted in ((NearMiss(version=2), {"a": 70}), (RandomUnderSampler(replacement=True), {"a": 50})):
        result = ImblearnSampler(sampler=inner, sampling_strategy=wanted, **given).fit_resample(df)
        assert class_sizes(result) == SIZES | wanted
    made, result = sampled(ImblearnSampler(sampler=SMOTETomek(), **given), df)
    assert class_sizes(result) == {c: of.after for c, of in made.plan.classes.items()}
    assert made.dropped is not None and made.synthetic is not None
    assert result.where("is_synthetic and id is not null or not is_synthetic and id is null").isEmpty()


def test_categories_by_name_and_back(spark: SparkSession) -> None:
    df = sample_table(spark).withColumn("vip", F.col("n") > 50)
    params: dict[str, Any] = {"key_col": "id", "features_col": ["vip", "x", "who", "n"], "sampling_strategy": {"b": 33}}
    result = ImblearnSampler(sampler=SMOTENC([0]), **params).fit_resample(df)
    new = result.where("is_synthetic")
    assert new.count() == 16 and dict(result.dtypes)["vip"] == "boolean"
    seen = {r["who"] for r in df.where("label = 'b'").select("who").collect()}
    assert {r["who"] for r in new.select("who").collect()} <= seen
    assert new.where("vip is null or n is null or x is null").isEmpty()
    refused(lambda: ImblearnSampler(sampler=BorderlineSMOTE(), **params).plan(df), "'vip' (boolean)", "smotenc")


class OfThisModule:
    """Executors can't import it."""

    def fit_resample(self, x: Any, y: Any) -> Any:
        return x, y


def test_what_imbalanced_learn_says_is_what_the_user_reads(df: DataFrame) -> None:
    given: dict[str, Any] = {"key_col": "id", "features_col": "x"}
    threshold = KMeansSMOTE(cluster_balance_threshold=1.0, sampling_strategy={"c": 60}, **given)
    with pytest.raises(InputError) as failure:
        threshold.resample(df)
    text = str(failure.value)
    assert "No clusters found with sufficient samples" in text and "Traceback" not in text and len(text) < 400
    cells = KMeansSMOTE(cluster_balance_threshold=1.0, sampling_strategy={"c": 60}, scope="cell", max_rows=150, **given)
    refused(lambda: cells.resample(df), "failed in every cell", "No clusters found")

    class Broken:
        def fit_resample(self, x: Any, y: Any) -> Any:
            raise RuntimeError(f"no luck with\n{len(x)} rows")

    refused(lambda: ImblearnSampler(sampler=Broken(), **given).resample(df), "no luck with 460 rows")
    with pytest.raises(EngineError, match="executor has no test_imblearn_scopes, which the sampler needs: install it"):
        ImblearnSampler(sampler=OfThisModule(), **given).resample(df)


def test_what_cannot_be_is_refused(df: DataFrame, tmp_path: Path) -> None:
    refused(lambda: SVMSMOTE(provenance=True), "provenance must be false", "True instead")
    refused(lambda: ImblearnSampler(sampler=NearMiss), "fit_resample", "NearMiss()")
    refused(lambda: ImblearnSampler(sampler=NearMiss(sampling_strategy="all")), "sampling_strategy", "'all'")
    refused(lambda: ImblearnSampler(sampler=RandomUnderSampler(random_state=3)), "random_state", "3")
    refused(lambda: ImblearnSampler().resample(df), "sampler must be given")
    refused(lambda: SVMSMOTE(svm_estimator=SVC), "svm_estimator must be")
    refused(lambda: KMeansSMOTE(kmeans_estimator=0), "kmeans_estimator must be", "0 instead")
    refused(lambda: SVMSMOTE(svm_estimator=SVC(C=2.0)).save(f"{tmp_path}/s"), "can't be saved", "SVC")
    too_many = SVMSMOTE(key_col="id", features_col="x", max_new_rows=10)
    refused(lambda: too_many.plan(df), "440 new rows", "max_new_rows is 10")
    one = df.where("label = 'a'")
    refused(lambda: CondensedNearestNeighbour(features_col="x").resample(one), "only 'a'")


def test_an_object_among_the_parameters_is_told_in_the_plan(df: DataFrame) -> None:
    import json

    sampler = SVMSMOTE(key_col="id", features_col="x", svm_estimator=SVC(C=2.0), sampling_strategy={"c": 50})
    assert "SVC(C=2.0)" in json.dumps(sampler.plan(df).to_json())
