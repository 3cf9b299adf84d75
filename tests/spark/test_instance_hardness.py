"""InstanceHardnessThreshold against scikit-learn's models on the same folds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from long_cases import thinned
from pyspark.ml.classification import LinearSVC, LogisticRegression
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression as Peer

from steelyard.errors import InputError
from steelyard.sampling import apply_plan
from steelyard.testing._tables import multiset
from steelyard.under_sampling import InstanceHardnessThreshold
from steelyard.under_sampling._hardness import FEATURES, FOLD, LABEL, learnable

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

WANTED = {"ü": 101, "b": 40}


def table(spark: SparkSession) -> tuple[pd.DataFrame, DataFrame]:
    x, y = make_classification(
        300, 4, n_informative=4, n_redundant=0, n_classes=3, weights=[0.6, 0.25, 0.15], class_sep=0.6, random_state=1
    )
    known = pd.DataFrame(x, columns=list("pqrs")).assign(id=np.arange(300), label=np.array(["ü", "b", "a"])[y])
    return known, spark.createDataFrame(known)


def folds(sampler: InstanceHardnessThreshold, df: DataFrame) -> pd.DataFrame:
    roles, counts = sampler._looked_at(df)
    plan, space = sampler._found(df, roles, counts)
    with learnable(df, plan, space, counts, sampler.getOrDefault("cv")) as rows:
        found = rows.select(LABEL, FEATURES, FOLD).toPandas()
    features = pd.DataFrame(np.array([v.toArray() for v in found[FEATURES]]))
    return features.assign(label=found[LABEL].astype(int), fold=found[FOLD])


def test_the_rows_that_models_find_easy_are_kept(spark: SparkSession) -> None:
    known, df = table(spark)
    settings: dict[str, Any] = {"key_col": "id", "sampling_strategy": WANTED, "cv": 4}
    sampler = InstanceHardnessThreshold(estimator=LogisticRegression(maxIter=500, tol=1e-10), **settings)
    rows = folds(sampler, df)
    names = sorted(set(known.label))
    for label, of_class in rows.groupby("label"):
        sizes = of_class.fold.value_counts()
        assert len(sizes) == 4 and sizes.max() - sizes.min() <= 1, label
    x = rows[[0, 1, 2, 3]].to_numpy()
    own = np.empty(len(rows))
    for fold in range(4):
        inside = (rows.fold == fold).to_numpy()
        model = Peer(C=np.inf, max_iter=5000, tol=1e-10).fit(x[~inside], rows.label[~inside])
        own[inside] = model.predict_proba(x[inside])[np.arange(inside.sum()), rows.label[inside]]
    result = sampler.fit_resample(df).toPandas()
    kept = {tuple(r) for r in result[list("pqrs")].to_numpy()}
    for name, n in WANTED.items():
        places = np.flatnonzero(rows.label == names.index(name))
        order = places[np.argsort(-own[places])]
        assert own[order[n - 1]] - own[order[n]] > 1e-5, "the test's rows are told apart by more than rounding"
        assert (result.label == name).sum() == n
        assert {tuple(r) for r in x[order[:n]]} <= kept
    assert (result.label == "a").sum() == (known.label == "a").sum()


def test_the_estimator_is_saved_too(spark: SparkSession, tmp_path: Path) -> None:
    _, df = table(spark)
    estimator = LogisticRegression(regParam=0.25, maxIter=7)
    sampler = InstanceHardnessThreshold(estimator=estimator, key_col="id", cv=2, sampling_strategy=WANTED)
    path = str(tmp_path / "sampler")
    sampler.save(path)
    sampler.write().overwrite().save(path)
    loaded = InstanceHardnessThreshold.load(path)
    inner = loaded.getOrDefault("estimator")
    assert loaded.uid == sampler.uid and inner.uid == estimator.uid and inner.getRegParam() == 0.25
    assert loaded.getOrDefault("sampling_strategy") == WANTED
    made, again = sampler.resample(df), loaded.resample(df)
    assert again.plan.params["estimator"].endswith("LogisticRegression")
    assert multiset(apply_plan(df, made.plan, None, made.dropped)) == multiset(
        apply_plan(df, again.plan, None, again.dropped)
    )
    # Without an estimator, what an earlier one has left there doesn't come back.
    InstanceHardnessThreshold(key_col="id").write().overwrite().save(path)
    assert InstanceHardnessThreshold.load(path).getOrDefault("estimator") is None


def test_what_is_no_such_estimator_is_refused() -> None:
    for value in (LinearSVC(), LogisticRegression, {"params": {}}, 3):
        with pytest.raises(InputError, match="estimator must be an estimator of Spark ML with featuresCol"):
            InstanceHardnessThreshold(estimator=value)  # type: ignore[arg-type]
    for name, params, said in (
        ("random_forst", {}, "there is no estimator 'random_forst'"),
        ("random_forest", {"trees": 3}, "random_forest has no parameter 'trees'"),
        ("sklearn.naive_bayes.GaussianNB", {"smoothing": 1}, "has no parameter 'smoothing'"),
        ("sklearn.svm.LinearSVC", {}, "has no predict_proba"),
    ):
        with pytest.raises(InputError, match=re.escape(said)):
            InstanceHardnessThreshold(estimator={"estimator": name, "params": params})


PEER = "sklearn.linear_model.LogisticRegression"


@pytest.mark.parametrize("name", thinned([PEER, "logistic_regression"], [PEER]))
def test_a_named_trainer_or_classifier_finds_the_same_easy_rows(name: str, spark: SparkSession) -> None:
    _, df = table(spark)
    settings: dict[str, Any] = {"key_col": "id", "sampling_strategy": WANTED, "cv": 2}
    plain = {"regParam": 1e-9} if name == "logistic_regression" else {"C": 1e9, "max_iter": 1000}
    sampler = InstanceHardnessThreshold(estimator={"estimator": name, "params": plain}, **settings)
    theirs = InstanceHardnessThreshold(estimator=LogisticRegression(maxIter=500, tol=1e-10), **settings)
    found, known = (set(s.fit_resample(df).toPandas().id) for s in (sampler, theirs))
    assert len(found) == len(known) and len(found & known) >= len(known) - 4, "solvers stop at different digits"
    assert sampler.plan(df).params["estimator"] == {"estimator": name, "params": plain}


def test_named_learners_are_exact_and_saved(spark: SparkSession, tmp_path: Path) -> None:
    """The same rows from any partitioning, by a learner in tasks and by a trainer that stops early."""
    _, df = table(spark)
    boosted = {"estimator": "xgboost", "params": {"n_estimators": 15, "early_stopping_rounds": 3}}
    for given in ("decision_tree", boosted):
        sampler = InstanceHardnessThreshold(estimator=given, key_col="id", cv=2, sampling_strategy=WANTED)
        one, seven = (multiset(sampler.fit_resample(df.repartition(n))) for n in (1, 7))
        assert one == seven
    sampler.save(str(tmp_path / "s"))
    loaded = InstanceHardnessThreshold.load(str(tmp_path / "s"))
    assert loaded.getOrDefault("estimator") == boosted
    two = InstanceHardnessThreshold(estimator="gradient_boosted_trees", key_col="id", sampling_strategy=WANTED)
    with pytest.raises(InputError, match="estimator gradient_boosted_trees takes two classes, and the table has 3"):
        two.fit_resample(df)
