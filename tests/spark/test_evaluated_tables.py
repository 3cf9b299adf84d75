"""`steelyard evaluate` on tables of any labels and scores: judged right, or refused in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from steelyard.errors import InputError
from steelyard.stages.commands.tables import bare_table, evaluate_table

N = 300
Y = np.arange(N) % 3 != 0  # class 1 is the larger one
P = np.clip(0.5 + 0.3 * (Y - 0.5) + np.random.default_rng(0).normal(0, 0.1, N), 0, 1)
THREE = [dict(zip("abc", row, strict=True)) for row in np.random.default_rng(1).dirichlet([3, 2, 1], N)]
LABELS = ["abc"[max(range(3), key=list(row.values()).__getitem__)] for row in THREE]


def evaluated(spark: SparkSession, folder: Path, columns: dict[str, Any], **options: Any) -> dict[str, Any]:
    path = folder / "scores.parquet"
    pq.write_table(pa.table({"id": range(N), **columns}), path)
    threshold, score, group = options.pop("threshold", None), options.pop("score", "p"), options.pop("group", None)
    config = bare_table(str(path), None, label="y", **options)
    document = evaluate_table(spark, config, score, threshold, group)
    json.dumps(document, allow_nan=False)
    return document


def test_of_the_labels_0_and_1_the_latter_is_positive(spark: SparkSession, tmp_path: Path) -> None:
    found = evaluated(spark, tmp_path, {"y": Y.astype(int), "p": P})
    assert found["positive"] == "1" and found["threshold"] == 0.5
    assert found["splits"]["all"]["per_class"]["1"]["roc_auc"]["value"] > 0.9
    assert "notes" not in found
    turned = evaluated(spark, tmp_path, {"y": Y.astype(int), "p": P}, positive="0")
    assert "the scores rank class '1' higher" in turned["notes"][0]


def test_scores_to_100_are_judged_with_a_note(spark: SparkSession, tmp_path: Path) -> None:
    found = evaluated(spark, tmp_path, {"y": Y, "p": 100 * P})
    assert found["positive"] == "true"
    assert "[0, 1]" in found["notes"][0] and found["notes"][0].endswith("give --threshold")
    at_50 = evaluated(spark, tmp_path, {"y": Y, "p": 100 * P}, threshold=50)
    assert at_50["splits"]["all"]["accuracy"]["value"] == pytest.approx(((P >= 0.5) == Y).mean())
    assert "--threshold" not in at_50["notes"][0]


def test_one_positive_is_judged_without_intervals_of_areas(spark: SparkSession, tmp_path: Path) -> None:
    found = evaluated(spark, tmp_path, {"y": (np.arange(N) == 7).astype(int), "p": P})["splits"]["all"]
    assert found["per_class"]["1"]["roc_auc"]["value"] is not None
    assert found["per_class"]["1"]["roc_auc"]["ci95"] is None


def test_a_row_without_a_group_is_one_of_its_own(spark: SparkSession, tmp_path: Path) -> None:
    """As one group they would leave too few groups for an interval."""
    group = pa.array([i // 3 if i < 60 else None for i in range(N)], pa.int64())
    found = evaluated(spark, tmp_path, {"y": Y.astype(int), "p": P, "g": group}, group="g")
    assert found["notes"] == ["240 rows have no group; intervals take each for a group of its own"]
    alone = evaluated(spark, tmp_path, {"y": Y.astype(int), "p": P})
    widths = [np.ptp(of["splits"]["all"]["per_class"]["1"]["pr_auc"]["ci95"]) for of in (found, alone)]
    assert 0.5 < widths[0] / widths[1] < 2


@pytest.mark.parametrize("classes", ["abc", "abcd"])
def test_several_classes_by_a_map_one_of_them_without_rows(spark: SparkSession, tmp_path: Path, classes: str) -> None:
    scores = pa.array([[(c, row.get(c, 0.0)) for c in classes] for row in THREE], pa.map_(pa.string(), pa.float32()))
    found = evaluated(spark, tmp_path, {"y": LABELS, "p": scores})["splits"]["all"]
    assert found["absent_classes"] == [c for c in classes if c not in LABELS]
    assert found["accuracy"]["value"] == 1.0
    assert found["log_loss"]["value"] is not None  # sums of 32-bit numbers are 1 but for rounding
    codes = evaluated(spark, tmp_path, {"y": ["abc".index(c) for c in LABELS], "p": [list(r.values()) for r in THREE]})
    assert codes["splits"]["all"]["accuracy"]["value"] == 1.0


REFUSED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"y": LABELS, "p": P}, {}, "with more than two classes the score is a map of class to probability"),
    ({"y": LABELS, "p": [[0.5, 0.2, 0.3]] * N}, {}, "score 'p' has no entry for the class '.' of label 'y'"),
    ({"y": Y.astype(int), "p": ["0,3"] * N}, {}, "score 'p' must be a number, a map.* It is string instead"),
    ({"y": Y.astype(int), "p": P}, {"threshold": float("nan")}, "--threshold must be a finite number. Got nan"),
    ({"y": Y.astype(int), "p": P, "w": np.where(Y, 0, 1)}, {"weight": "w"}, "all weights of class '1' are 0"),
    ({"y": [1] * N, "p": P}, {}, "the label has one class only"),
    ({"y": [0, 1, 2] * (N // 3), "p": [[0.5, 0.2, 0.3]] * N}, {"threshold": 0.3}, "--threshold needs two classes"),
]


@pytest.mark.parametrize(("columns", "options", "message"), REFUSED)
def test_refused_in_words(
    spark: SparkSession, tmp_path: Path, columns: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        evaluated(spark, tmp_path, columns, **options)


def test_weights_and_costs_fail_at_profile(spark: SparkSession) -> None:
    from steelyard.dataset import Cost, Dataset
    from steelyard.metrics import check_amounts

    frame = pd.DataFrame({"y": Y.astype(int), "w": 1.0, "zero": np.where(Y, 0.0, 1.0), "huge": 1e300})
    df = spark.createDataFrame(frame.assign(loss=[None if i < 30 else 5.0 for i in range(N)]))
    cases = {
        "loss": "cost column 'loss' is null in 30 of 300 labelled rows",
        "huge": r"cost column 'huge' is negative, infinite or outside 1e-50 to 1e\+50 in 300 of 300",
    }
    for name, message in cases.items():
        with pytest.raises(InputError, match=message):
            check_amounts(df, Dataset("y", (), weight="w", cost=Cost(name, 1.0)))
    with pytest.raises(InputError, match=r"all weights of class '1' are 0 \(column 'zero'\)"):
        check_amounts(df, Dataset("y", (), weight="zero"))
    check_amounts(df, Dataset("y", (), weight="w"))
