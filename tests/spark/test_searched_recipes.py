"""Successive halving of searched recipes: nested rungs, the planted setting, the same bytes from any partitioning."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from steelyard.comparing import PLAIN, Candidate, Comparison, Folds, compare
from steelyard.comparing._candidates import searched_candidates
from steelyard.comparing._rows import fewer_rows, in_folds, preprocessing
from steelyard.config import Recipe, SearchConfig
from steelyard.dataset import Dataset
from steelyard.errors import ConfigError
from steelyard.learning.tasks import PLACE

ROWS = 2400
DATA = Dataset("y", ("a", "b"), classes=("0", "1"), positive="1", key=("id",), content=("a", "b", "id"))
SPACE = SearchConfig(max_depth=[1, 3], learning_rate=[0.001, 0.3])
PLANTED = "xgboost max_depth 3, learning_rate 0.3"


@pytest.fixture(scope="module")
def df(spark: SparkSession) -> DataFrame:
    """Return rows whose label is an interaction, which trees of depth 1 cannot see."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 2))
    y = (x[:, 0] * x[:, 1] > 1.0) ^ (rng.random(ROWS) < 0.02)
    rows = pd.DataFrame({"id": np.arange(ROWS), "a": x[:, 0], "b": x[:, 1], "y": y.astype(int)})
    return spark.createDataFrame(rows).cache()


@pytest.fixture(scope="module")
def counts(df: DataFrame) -> dict[str, int]:
    return {str(row["y"]): row["count"] for row in df.groupBy("y").count().collect()}


def searched(df: DataFrame, counts: dict[str, int], memory: dict[str, Any]) -> Comparison:
    plain = Candidate(PLAIN, Recipe.of({"train": {"params": {"n_estimators": 1}}}))
    candidates = [plain, *searched_candidates(SPACE, counts)]
    return compare(df, DATA, counts, candidates, folds=Folds(folds=2), memory=memory)


def test_the_planted_setting_is_found_with_the_same_bytes(df: DataFrame, counts: dict[str, int]) -> None:
    memory: dict[str, Any] = {}
    found = searched(df.repartition(1), counts, memory)
    search = found.facts["search"]
    [rung] = search["rungs"]
    assert len(rung["candidates"]) == 4 and rung["rows"] == {"0": -(-counts["0"] // 2), "1": counts["1"]}
    assert PLANTED in search["left"] and len(search["left"]) == 2
    assert found.chosen == PLANTED and found.better_than_plain
    assert {row["name"] for row in found.candidates} == {PLAIN, *search["left"]}
    losses = {one["name"]: one["log_loss"] for one in rung["candidates"]}
    last = {row["name"]: row["log_loss"]["value"] for row in found.candidates}
    assert last[PLANTED] == pytest.approx(losses[PLANTED], rel=0.3), "drawn rows are weighted back"
    assert any(line.startswith(f"  {PLANTED}") and line.endswith("kept") for line in found.messages())

    again = searched(df.repartition(7), counts, {})
    assert json.dumps(again.to_json()) == json.dumps(found.to_json())
    # An interrupted search: with all scores of its rungs, it reads no rows for them.
    kept = {name: of for name, of in memory.items() if name not in search["left"]}
    assert len(kept) == len(memory) - 2 == 5
    assert json.dumps(searched(df, counts, kept).to_json()) == json.dumps(found.to_json())


def test_smaller_rungs_are_parts_of_larger_ones(df: DataFrame, counts: dict[str, int]) -> None:
    folds = Folds(folds=2)
    rows = in_folds(df, DATA, preprocessing(df, DATA), folds.plan(df, DATA, counts), folds)
    places = {}
    for common in (300, 600):
        drawn = fewer_rows(rows, DATA, counts, {"0": common, "1": counts["1"]}).select(PLACE, "label").toPandas()
        assert (drawn["label"] == 0).sum() == common and (drawn["label"] == 1).sum() == counts["1"]
        places[common] = set(drawn[PLACE])
    assert places[300] < places[600]


def test_a_sampler_of_whole_tables_is_refused(df: DataFrame, counts: dict[str, int]) -> None:
    recipe = Recipe.of({"resample": {"method": "tomek_links"}})
    with pytest.raises(ConfigError, match="tomek_links resamples a whole table"):
        compare(df, DATA, counts, [Candidate(PLAIN, Recipe()), Candidate("cleaned", recipe, searched=True)])
