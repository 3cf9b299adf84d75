"""Contributions, importances, mistakes and weak slices on rows with a known cause."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard.classifier import Classifier, fit
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.explaining import contributions_table, importances, mistakes, weak_slices

ROWS = 6000
DATA = Dataset(
    "y",
    ("a.b", "noise", "kind", "gap"),
    ("kind",),
    ("id",),
    ("id", "a.b", "noise", "kind", "gap"),
    positive="1",
    classes=("0", "1"),
)


@pytest.fixture(scope="module")
def table(spark: SparkSession) -> DataFrame:
    """`a.b` and `kind` decide the label, `noise` does not."""
    rng = np.random.default_rng(0)
    kind = rng.choice(["web", "shop", "o'clock"], ROWS)
    a, noise = rng.normal(size=(2, ROWS))
    y = (a + 1.2 * (kind == "web") + 0.4 * rng.normal(size=ROWS) > 2.2).astype(int)
    gap = np.where(rng.random(ROWS) < 0.1, np.nan, rng.normal(size=ROWS))
    frame = pd.DataFrame({"id": np.arange(ROWS), "a.b": a, "noise": noise, "kind": kind, "gap": gap, "y": y})
    return spark.createDataFrame(frame).repartition(3).cache()


@pytest.fixture(scope="module")
def models(table: DataFrame) -> dict[str, Classifier]:
    sides = table.where("id % 3 > 0"), table.where("id % 3 = 0")
    recipes = {
        "xgboost": {"model": "xgboost", "params": {"n_estimators": 20, "max_depth": 3}},
        "random_forest": {"model": "random_forest", "params": {"numTrees": 5, "maxDepth": 4}},
    }
    return {
        name: fit({"train": of, "decide": {"threshold": {"value": 0.3}}}, *sides, DATA) for name, of in recipes.items()
    }


def test_contributions_add_up_to_the_margin_of_the_probability(table: DataFrame, models: dict[str, Classifier]) -> None:
    model = models["xgboost"]
    found = contributions_table(model, table.limit(500), [F.col("id")]).toPandas().set_index("id")
    sums = found["contributions"].map(lambda of: sum(of.values())) + found["bias"]
    probability = model.model.predict(table.limit(500), "p").select("id", "p").toPandas().set_index("id")["p"].str[1]
    margin = np.log(probability / (1 - probability)).reindex(found.index)
    assert np.allclose(sums, found["margin"], atol=1e-9)
    assert np.all(np.abs(found["margin"] - margin) <= 1e-4 * np.maximum(1, np.abs(margin)))
    assert set(found["contributions"].iloc[0]) == set(DATA.features)


@pytest.mark.parametrize("name", ["xgboost", "random_forest"])
def test_what_decides_is_important_and_noise_is_not(table: DataFrame, models: dict[str, Classifier], name: str) -> None:
    found = importances(models[name], table, DATA, rows=600)
    assert found["method"] == {"xgboost": "contributions"}.get(name, "permutation")
    assert found["rows"] == {"0": 300, "1": 300}
    value = {of["feature"]: of for of in found["features"]}
    assert [of["feature"] for of in found["features"]][:2] == ["a.b", "kind"]
    assert value["a.b"]["ci95"][0] > value["noise"]["ci95"][1]
    if name == "random_forest":
        assert value["noise"]["ci95"][0] <= 0.01
        assert importances(models[name], table.repartition(7), DATA, rows=600) == found
        with pytest.raises(InputError, match="random_forest give no contributions"):
            contributions_table(models[name], table)


def test_mistakes_are_the_most_wrong_rows_with_their_reasons(table: DataFrame, models: dict[str, Classifier]) -> None:
    model = models["xgboost"]
    found = mistakes(model, table, DATA, rows=20)
    decided = model.transform(table).select("id", "y", "decision", "calibrated_probability").toPandas()
    missed = decided[(decided["y"] == 1) & (decided["decision"] == "0")].sort_values("calibrated_probability")
    mine = [of for of in found if of["kind"] == "missed"]
    assert len(mine) == min(10, len(missed)) and len(found) <= 20
    assert [of["score"] for of in mine] == missed["calibrated_probability"].head(len(mine)).tolist()
    caught = set(decided[(decided["y"] == 1) & (decided["decision"] == "1")]["id"].astype(str))
    for of in mine:
        assert of["nearest"]["key"]["id"] in caught and of["nearest"]["distance"] >= 0
        sizes = [abs(part["contribution"]) for part in of["contributions"]]
        assert sizes == sorted(sizes, reverse=True) and len(sizes) == 4
    assert mistakes(model, table, DATA, rows=0) == []
    [one, *_] = mistakes(model, table, replace(DATA, key=()), rows=2)
    assert list(one["key"]) == list(DATA.content) and one["score"] == mine[0]["score"]
    assert int(one["key"]["id"]) in missed["id"].tolist()


def test_a_planted_slice_is_found_and_chance_is_not(table: DataFrame) -> None:
    truth, coin = F.col("y").cast("string"), F.xxhash64("id") % 2 == 0
    there = (F.col("kind") == "o'clock") & (F.col("noise") > 0.5)
    planted = table.withColumn("decision", F.when(there & coin, F.lit("1")).otherwise(truth))
    found = weak_slices(planted, DATA)
    best = found[0]
    assert {part["feature"] for part in best.where} == {"kind", "noise"} and "kind = o'clock" in str(best)
    assert best.rates["0"]["value"] > 0.3 > best.rates["0"]["elsewhere"] and best.p_value < 1e-9
    low = next(part for part in best.where if part["feature"] == "noise")["at_least"]
    rows = table.toPandas()
    inside = (rows["kind"] == "o'clock") & (rows["noise"] >= low)
    high = next(part for part in best.where if part["feature"] == "noise").get("below", np.inf)
    assert best.rows == int((inside & (rows["noise"] < high)).sum()), "counts are exact"
    assert [of.to_json() for of in weak_slices(planted.repartition(5), DATA)] == [of.to_json() for of in found]
    chance = table.withColumn("decision", F.when(F.xxhash64("id") % 9 == 0, F.lit("1")).otherwise(truth))
    assert weak_slices(chance, DATA) == []
    assert weak_slices(planted, DATA, features=["gap"]) == []
