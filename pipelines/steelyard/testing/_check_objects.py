"""Checks of a sampler as an object: its plan, cost, saving and loading, pipelines, and errors of wrong calls."""

from __future__ import annotations

import tempfile
from typing import Any

from pyspark.ml import Estimator, Transformer
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard.pipeline import Pipeline
from steelyard.sampling import IS_SYNTHETIC, NoResampling, SamplingPlan, apply_plan, sampler_class
from steelyard.testing._making import Make, result_of, sampler_of
from steelyard.testing._tables import (
    ROLES,
    SIZES,
    exactly,
    explained,
    multiset,
    refused,
    sample_table,
)


def check_plan(make: Make, spark: SparkSession) -> None:
    """A plan is equal after JSON, and gives the same rows when it is applied again."""
    import json

    first = result_of(make, spark)
    plan = SamplingPlan.from_json(json.loads(json.dumps(first.made.plan.to_json())))
    assert plan == first.made.plan
    again = apply_plan(sample_table(spark).repartition(3), plan, *first.made.tables)
    assert multiset(again) == first.rows
    assert all(name in str(plan) for name in SIZES) and plan.sampler in str(plan)


def check_cost(make: Make, spark: SparkSession) -> None:
    """A sampler that makes no rows needs neither shuffles nor Python; nothing stays cached."""
    df = spark.range(1000).select("id", (F.col("id") % 10 == 0).alias("label"), (F.hash("id") % 997 / 7).alias("x"))
    sizes = {"false": 900, "true": 100}
    sampler = sampler_of(make, sizes, key_col="id")
    result = sampler.fit_resample(df)
    if sampler.effect != "bends":
        assert not any(word in explained(result) for word in ("Exchange", "Python", "Arrow", "Window"))
    assert "InMemory" not in explained(result)
    assert "InMemory" not in explained(df)


def check_save_and_load(make: Make, spark: SparkSession) -> None:
    """A saved sampler is loaded with its parameters, also after overwriting, and not as another class."""
    with tempfile.TemporaryDirectory() as folder:
        sampler = sampler_of(make, random_state=7, **ROLES)
        cls: Any = type(sampler)
        sampler.save(f"{folder}/one")
        sampler.write().overwrite().save(f"{folder}/one")
        loaded = cls.load(f"{folder}/one")
        assert type(loaded) is cls and loaded.uid == sampler.uid
        assert {p.name: v for p, v in loaded.extractParamMap().items()} == {
            p.name: v for p, v in sampler.extractParamMap().items()
        }
        other = NoResampling if cls is not NoResampling else sampler_class("random_over_sampler")
        refused(lambda: other.load(f"{folder}/one"), cls.__name__, other.__name__)
        by_function = make(sampling_strategy=lambda counts: counts)
        refused(lambda: by_function.save(f"{folder}/two"), "function")


class _Unchanged(Transformer):
    """Returns its rows."""

    def _transform(self, dataset: DataFrame) -> DataFrame:
        return dataset


class _Witness(Estimator[_Unchanged]):
    """Remembers the rows that it was fitted on."""

    def _fit(self, dataset: DataFrame) -> _Unchanged:
        self.rows = multiset(dataset)
        return _Unchanged()


def check_pipeline(make: Make, spark: SparkSession) -> None:
    """A pipeline resamples the rows that it is fitted on, and never the rows that it scores."""
    df, witness = sample_table(spark), _Witness()
    model = Pipeline(stages=[sampler_of(make, **ROLES), witness]).fit(df)
    assert witness.rows == exactly(result_of(make, spark).found, without=IS_SYNTHETIC)
    assert [type(stage) for stage in model.stages] == [_Unchanged]
    assert multiset(model.transform(df)) == multiset(df)


def check_params(make: Make, spark: SparkSession) -> None:
    """Parameters behave as in Spark ML: explained, copied with changes, set in the constructor by keyword."""
    sampler = make(**ROLES)
    text = sampler.explainParams()
    assert all(f"{p.name}: " in text for p in sampler.params)
    copied = sampler.copy({sampler.getParam("random_state"): 5})
    assert copied.getOrDefault("random_state") == 5 and sampler.getOrDefault("random_state") == 0
    assert copied.getOrDefault("key_col") == ["id"]


def check_calls(make: Make, spark: SparkSession) -> None:
    """Calls as in imbalanced-learn, and missing columns, are errors that say what to do."""
    df = sample_table(spark)
    values: Any = [[1.0]]
    for call in (
        lambda: make().fit_resample(df, df),
        lambda: make().fit_resample(values),
        lambda: make().fit_resample(values, ["a"]),
    ):
        refused(call, "label_col", "fit_resample(df)", kind=TypeError)
    refused(lambda: make(label_col="lable").fit_resample(df), "'lable'", "'label'")
    refused(lambda: make(features_col=["x", "nn"]).fit_resample(df), "'nn'")
    refused(lambda: make(features_col=["x", "label"]).fit_resample(df), "label")
    unlabelled = df.withColumn("label", F.when(F.col("id") > 1, F.col("label")))
    refused(lambda: make(**ROLES).fit_resample(unlabelled), "null in 2 rows")
    refused(lambda: make(**ROLES).fit_resample(df.limit(0)), "no rows")
