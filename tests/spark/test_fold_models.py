"""Models of folds: resampled inside, scoring rows that they have not seen, weighted back where rows are drawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from spark_actions import latest_action, work_after

from steelyard.classifier import OUT_OF_FOLD, STANDS_FOR, draw_rows, fit_folds, out_of_fold
from steelyard.classifier._fit_model import fit_model
from steelyard.config import Recipe
from steelyard.dataset import Dataset
from steelyard.distortion import Distortion
from steelyard.splitting import fold_rows, forward_chaining_folds, stratified_folds
from steelyard.stats import class_counts

COUNTS = {"0": 1900, "1": 100}
DATA = Dataset("y", ("a", "noise"), key=("id",), content=("id", "a", "noise"), positive="1", classes=("0", "1"))


def rows() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    y = (np.arange(2000) % 20 == 0).astype(int)
    return pd.DataFrame({"id": np.arange(2000), "a": rng.normal(size=2000) + y, "noise": rng.random(2000), "y": y})


@pytest.fixture(scope="module")
def scored(spark: SparkSession) -> dict[str, pd.DataFrame]:
    """Out-of-fold scores by two recipes, on all rows and on 700 of them."""
    df = spark.createDataFrame(rows()).cache()
    plan = stratified_folds(df, DATA, COUNTS, 5, seed=1)
    tree = {"model": "random_forest", "params": {"numTrees": 1, "maxDepth": 12, "featureSubsetStrategy": "all"}}
    sampled = {"method": "random_under_sampler", "sampling_strategy": {"0": 200, "1": 100}}
    recipes = [Recipe.of({"resample": sampled, "train": {"model": "logistic_regression"}}), Recipe.of({"train": tree})]
    found = {}
    for most, of in ((10_000, recipes), (700, recipes[:1])):
        drawn = draw_rows(df, DATA, COUNTS, most)
        for i, models in enumerate(fit_folds(of, drawn, df, DATA, plan)):
            assert [one.fold for one in models] == list(plan.numbers)
            like = Distortion({"0": 200 / 1900})
            found[f"{most}/{i}"] = out_of_fold(models, DATA, drawn.rates, like).toPandas().sort_values("id")
    return found


def test_rows_are_scored_once_by_models_that_have_not_seen_them(scored: dict[str, pd.DataFrame]) -> None:
    linear, tree = scored["10000/0"], scored["10000/1"]
    assert list(linear["id"]) == list(range(2000)) == list(tree["id"])
    assert (linear[STANDS_FOR] == 1).all()
    # A deep tree knows its own rows: it would be right in nearly all of them.
    alarm = np.stack(tree[OUT_OF_FOLD].to_numpy())[:, 1] > 0.5
    assert (alarm == (tree["y"] == 1))[tree["y"] == 1].mean() < 0.5
    # 160 of each fold's 1,520 negatives: the rate of the whole, though counts were asked for.
    p = np.stack(linear[OUT_OF_FOLD].to_numpy())[:, 1]
    true = p * (200 / 1900) / (p * (200 / 1900) + 1 - p)
    assert true.mean() == pytest.approx(0.05, rel=0.15)


def test_drawn_rows_stand_for_all(scored: dict[str, pd.DataFrame]) -> None:
    few, every = scored["700/0"], scored["10000/0"]
    assert len(few) == 700 and few["y"].sum() == 100
    assert np.allclose(few[STANDS_FOR], np.where(few["y"] == 1, 1.0, 1900 / 600))
    p, q = (np.stack(of[OUT_OF_FOLD].to_numpy())[:, 1] for of in (few, every))
    assert np.average(p, weights=few[STANDS_FOR]) == pytest.approx(q.mean(), rel=0.1)


def test_one_stage_trains_the_model_that_each_fold_gives_alone(spark: SparkSession) -> None:
    """Rows are drawn, features are fitted and models are trained for all folds at once; with gaps in time, too."""
    table = rows().assign(kind=lambda t: np.where(t["id"] % 7 == 0, "a", np.where(t["id"] % 3 == 0, "b", "c")))
    table.loc[::50, "noise"], table["at"] = np.nan, pd.Timestamp("2026-01-01") + pd.to_timedelta(table["id"], "h")
    df = spark.createDataFrame(table).cache()
    features = ("a", "noise", "kind")
    data = replace(DATA, features=features, categorical=("kind",), content=("id", "at", *features), time="at")
    sampled = {"method": "random_under_sampler", "sampling_strategy": 0.2}
    train = {"params": {"n_estimators": 5}, "num_workers": 1}
    recipe, drawn = Recipe.of({"resample": sampled, "train": train}), draw_rows(df, data, COUNTS, 10_000)
    spread = stratified_folds(df, data, COUNTS, 5, seed=1)
    chained = forward_chaining_folds(df, data, COUNTS, 3, gap=timedelta(hours=30))
    for plan, most in ((spread, 3), (chained, 4)):  # the rows of folds with a gap are counted
        before = latest_action(spark)
        [models] = fit_folds([recipe], drawn, df, data, plan)
        assert latest_action(spark) - before <= most
        assert models[0].model != models[1].model
        before = latest_action(spark)
        scores = out_of_fold(models, data, drawn.rates, Distortion()).toPandas().set_index("id")[OUT_OF_FOLD]
        assert work_after(spark, before).crossings == 1
        for of in models[::2]:
            own, unseen = fold_rows(df, plan, of.fold)
            assert of.model == fit_model(recipe, own, df, data, class_counts(own, "y").counts)
            alone = of.model.predict(unseen, "p").toPandas().set_index("id")["p"]
            rate = of.model.distortion.rate("0")
            p, q = (np.stack(some.to_numpy())[:, 1] for some in (alone, scores[alone.index]))
            assert np.allclose(q, p * rate / (p * rate + 1 - p), rtol=1e-12)
