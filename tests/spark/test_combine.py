"""SMOTE followed by cleaning: what is made is SMOTE's, what is dropped is what imbalanced-learn drops from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import imblearn.under_sampling as peers
import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F
from sklearn.datasets import make_classification

from steelyard.combine import SMOTEENN, SMOTETomek
from steelyard.errors import InputError
from steelyard.over_sampling import SMOTE, SMOTENC
from steelyard.sampling import apply_plan
from steelyard.under_sampling import EditedNearestNeighbours

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

COLUMNS: dict[str, Any] = {"key_col": "id", "provenance": True}


def three_classes(spark: SparkSession) -> DataFrame:
    x, y = make_classification(
        400, 4, n_informative=4, n_redundant=0, n_classes=3, weights=[0.6, 0.25, 0.15], class_sep=0.8, random_state=1
    )
    table = pd.DataFrame(x, columns=list("pqrs")).assign(id=np.arange(400), label=np.array(["ü", "b", "a"])[y])
    return spark.createDataFrame(table)


def frauds(spark: SparkSession, path: str) -> DataFrame:
    df = spark.read.parquet(path).where("Class = 1 and V1 > -3 or Amount between 3 and 3.5")
    return df.select("V1", "V2", "V3", "V4", "Amount", F.col("Class").alias("label"))


def ids(result: DataFrame) -> set[int]:
    return {r["row_id"] for r in result.select("row_id").collect()}


def check(df: DataFrame, maker: Any, combined: Any, cleaner: Any, names: list[str]) -> None:
    """Clean the maker's result with imbalanced-learn, and compare; without ties among the distances."""
    grown = maker.fit_resample(df).toPandas()
    _, codes = np.unique(grown.label, return_inverse=True)
    cleaner.fit_resample(grown[names].to_numpy(dtype=float), codes)
    expected = set(grown.row_id.iloc[cleaner.sample_indices_])
    made = combined.resample(df)
    result = apply_plan(df, made.plan, made.synthetic, made.dropped)
    assert ids(result) == expected
    assert 0 < len(expected) < len(grown)
    before = {str(c): int(n) for c, n in grown.label.value_counts().items()}
    assert made.plan.details["before_cleaning"] == before
    sizes = {str(r["label"]): r["count"] for r in result.groupBy("label").count().collect()}
    assert sizes == {c: of.after for c, of in made.plan.classes.items()}
    assert result.where("is_synthetic").count() == sum(of.new for of in made.plan.classes.values())
    dropped = {r["row_id"] for r in made.dropped.collect()} if made.dropped else set()
    assert dropped == set(grown.row_id[~grown.is_synthetic]) - expected


@pytest.mark.parametrize("kind_sel", ["all", "mode"])
def test_smoteenn_cleans_as_imbalanced_learn(spark: SparkSession, kind_sel: str) -> None:
    settings: dict[str, Any] = {**COLUMNS, "random_state": 5, "sampling_strategy": {"a": 111, "b": 130}}
    cleaner = peers.EditedNearestNeighbours(sampling_strategy="all", kind_sel=kind_sel)
    check(three_classes(spark), SMOTE(**settings), SMOTEENN(kind_sel=kind_sel, **settings), cleaner, list("pqrs"))


def test_smotetomek_cleans_as_imbalanced_learn(spark: SparkSession) -> None:
    settings: dict[str, Any] = {**COLUMNS, "k_neighbors": 3}
    cleaner = peers.TomekLinks(sampling_strategy="all")
    check(three_classes(spark), SMOTE(**settings), SMOTETomek(**settings), cleaner, list("pqrs"))
    cleaner = peers.TomekLinks(sampling_strategy=[0])
    only = SMOTETomek(cleaning_strategy=["a"], **settings)
    check(three_classes(spark), SMOTE(**settings), only, cleaner, list("pqrs"))


def test_real_frauds(spark: SparkSession, real_data: Callable[[str], str]) -> None:
    names = ["V1", "V2", "V3", "V4", "Amount"]
    df = frauds(spark, real_data("creditcard_ulb_sample")).groupBy(*names).agg(F.max("label").alias("label"))
    cleaner = peers.EditedNearestNeighbours(sampling_strategy="all")
    check(df, SMOTE(provenance=True), SMOTEENN(provenance=True), cleaner, names)


def test_categories_are_smotencs(spark: SparkSession) -> None:
    df = three_classes(spark).withColumn("kind", F.when(F.col("p") > 0, F.col("id") % 3).cast("string"))
    settings: dict[str, Any] = {**COLUMNS, "missing": "impute", "scale": "standard"}
    grown = SMOTENC(**settings).fit_resample(df)
    made = SMOTEENN(**settings).resample(df)
    assert made.synthetic is not None and made.plan.sampler == "smoteenn"
    kept = ids(apply_plan(df, made.plan, made.synthetic, made.dropped))
    assert kept < ids(grown)
    new = made.synthetic.drop("is_synthetic")
    assert new.exceptAll(grown.where("is_synthetic").drop("is_synthetic")).isEmpty(), "new rows are SMOTENC's"


def test_without_new_rows_it_is_cleaning_alone(spark: SparkSession) -> None:
    df = three_classes(spark)
    sizes = {r["label"]: r["count"] for r in df.groupBy("label").count().collect()}
    made = SMOTEENN(key_col="id", sampling_strategy=sizes).resample(df)
    alone = EditedNearestNeighbours(key_col="id", sampling_strategy="all").resample(df)
    assert made.synthetic is None and made.dropped is not None and alone.dropped is not None
    assert {r["row_id"] for r in made.dropped.collect()} == {r["row_id"] for r in alone.dropped.collect()}
    assert dict(made.plan.classes) == dict(alone.plan.classes)


def test_cleaning_takes_words_and_classes() -> None:
    with pytest.raises(InputError, match="cleaning_strategy must be a word or a list of classes"):
        SMOTEENN(cleaning_strategy=0.5)
