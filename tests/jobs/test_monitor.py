"""Comparing new rows with a finished run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from small_pipelines import pipeline, replace_document, small_table

from steelyard.errors import InputError
from steelyard.monitoring import Feature, count_rows, monitor
from steelyard.stages import Context, run_stage, start_run
from steelyard.stages.commands._test_scores import decided_classes
from steelyard.stages.commands.monitor import check_monitored, monitor_table
from steelyard.store import RunDir, Store

COSTS = {"false_negative": "amount", "false_positive": 5}


@pytest.fixture(scope="module")
def trained(spark: SparkSession, table: str, tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A run up to `evaluate` with costs, whose limits are those of its section `monitor`."""
    config = pipeline(table, data={"cost": COSTS}, monitor={"prevalence": 3.0})
    run = start_run(Store(tmp_path_factory.mktemp("runs")), config, "r1", {})
    ctx = Context(run, config, lambda: spark)
    for stage in ("profile", "split", "resample", "train", "decide", "evaluate"):
        run_stage(ctx, stage)
    return run


def watch(spark: SparkSession, run: RunDir, place: Path, rows: pd.DataFrame, **how: Any) -> dict[str, Any]:
    place.mkdir(exist_ok=True)
    rows.to_parquet(place / "new.parquet", coerce_timestamps="us")
    if (labels := how.get("labels")) is not None:
        labels.to_parquet(place / "labels.parquet")
        how["labels"] = str(place / "labels.parquet")
    return monitor_table(spark, run.location, str(place / "new.parquet"), str(place / "out"), **how)


def test_rows_of_the_same_kind_raise_no_alert_and_others_say_what_changed(
    spark: SparkSession, trained: RunDir, tmp_path: Path
) -> None:
    new = small_table(2000, seed=5)
    labels = new.sample(600, random_state=1)[["id", "y"]].assign(id=lambda t: t["id"].astype(str))
    labels = pd.concat([labels, pd.DataFrame({"id": ["9001", "9002"], "y": [0, 1]})])
    found = watch(spark, trained, tmp_path / "same", new.drop(columns=["y", "t"]), labels=labels)
    assert "labels: 2 of 602 labels have a key that no new row has" in found["notes"]
    assert found == json.loads((tmp_path / "same" / "out" / "monitor.json").read_text())
    assert (found["status"], found["rows"], found["alerts"], found["labels"]["known"]) == ("done", 2000, [], 600)
    assert found["limits"] == {"psi": 0.2, "prevalence": 3.0, "recall_drop": 0.1}
    assert found["reference"]["rows"] == 300 and found["reference"]["positives"] == 30
    low, high = found["label_shift"]["prevalence"]["ci95"]
    assert low < 0.1 < high and low < found["labels"]["prevalence"]["value"] < high
    metrics = trained.read_json("metrics.json")["splits"]["test"]
    assert found["reference"]["recall"] == pytest.approx(metrics["per_class"]["1"]["recall"]["value"])
    assert found["expected"]["cost_per_row_before"] == pytest.approx(metrics["expected_cost"]["value"])

    moved = new.assign(b=new["b"] + 3, kind=np.where(new["id"] % 2 == 0, "mail", new["kind"]))
    other = watch(spark, trained, tmp_path / "moved", moved.drop(columns=["y", "t"]))
    assert other["status"] == "alert" and {"b", "kind"} <= {a["name"] for a in other["alerts"]}
    assert "any other value, in 50 % of the rows, 0 % in the reference" in str(other["alerts"])


def test_the_counts_are_those_of_the_scores(spark: SparkSession, trained: RunDir, tmp_path: Path) -> None:
    """The same rows in another order and partitioning give the same document."""
    new = small_table(500, seed=6).drop(columns=["y", "t"])
    first = watch(spark, trained, tmp_path / "a", new)
    (tmp_path / "b" / "new.parquet").mkdir(parents=True)
    for i, part in enumerate(np.array_split(np.random.default_rng(0).permutation(500), 3)):
        new.iloc[part].to_parquet(tmp_path / "b" / "new.parquet" / f"{i}.parquet")
    again = monitor_table(
        spark, trained.location, str(tmp_path / "b" / "new.parquet"), str(tmp_path / "a" / "out"), overwrite=True
    )
    names = {"started", "finished", "data", "out"}
    assert {k: v for k, v in first.items() if k not in names} == {k: v for k, v in again.items() if k not in names}


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"id": [1, 1], "y": [0, 1]}, "2 rows have the key id=1; give one label for each row"),
        ({"id": [1, 2], "y": [0, 7]}, "column 'y' has the value '7', which is not a class of the reference"),
        ({"ids": [1, 2], "y": [0, 1]}, "key 'id' is not in the table"),
    ],
)
def test_wrong_labels_are_refused(
    labels: dict[str, list[int]], said: str, spark: SparkSession, trained: RunDir, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        watch(spark, trained, tmp_path / "x", small_table(50).drop(columns="t"), labels=pd.DataFrame(labels))
    assert not (tmp_path / "x" / "out").exists()


@contextmanager
def roles(run: RunDir, **other: Any) -> Iterator[None]:
    """Let the columns of a run's table have had other roles."""
    path = f"profile/{run.published('profile').attempt}/stats.json"
    stats = run.read_json(path)
    replace_document(run, "profile", path, {**stats, "dataset": {**stats["dataset"], **other}})
    try:
        yield
    finally:
        replace_document(run, "profile", path, stats)


def test_labels_need_a_key_and_two_classes(trained: RunDir) -> None:
    with roles(trained, key=[]):
        with pytest.raises(InputError, match="^--labels are joined to rows by their key, and the run has none"):
            check_monitored(trained.location, "labels.csv")
        check_monitored(trained.location, None)
    with roles(trained, positive=None), pytest.raises(InputError, match="^--labels is for two classes; the run has 2"):
        check_monitored(trained.location, "labels.csv")


def test_weights_and_groups_of_new_rows(spark: SparkSession, trained: RunDir, tmp_path: Path) -> None:
    new = small_table(300, seed=7).drop(columns="t")
    with roles(trained, weight="amount", group="customer", key=["gone"]):
        found = watch(spark, trained, tmp_path / "a", new.drop(columns=["y", "customer"]))
        assert found["notes"][0] == (
            "the new rows have no column 'customer', the group of the run's rows: rows count as independent"
        )
        assert found["labels"] is None and found["rows"] == 300
    with roles(trained, weight="amount"), pytest.raises(InputError, match=r"new rows have weights \(column 'amount'"):
        watch(spark, trained, tmp_path / "b", new.drop(columns="y"), labels=new[["id", "y"]])


def test_shares_of_decided_classes_are_those_before_rows_were_left_out(spark: SparkSession) -> None:
    pairs = [("a", "a")] * 3 + [("b", "a")] + [("b", "b")] * 2 + [("c", "c")] * 2
    test = spark.createDataFrame(pairs, "decision string, label string")
    feature = decided_classes(test, ("a", "b", "c"), {"a": 0.1})
    assert feature.rows == 8 and dict(feature.classes[0].top) == pytest.approx(
        {"a": 30 / 44, "b": 12 / 44, "c": 2 / 44}
    )


def test_booleans_that_come_as_numbers(spark: SparkSession) -> None:
    feature = Feature("ok", 8.0, (), ("false", "true"), (), True)
    rows = spark.range(8).selectExpr("if(id = 7, null, id % 4 = 0) as ok")
    how = {"score": F.lit(0.5), "alarm": F.lit(True), "label": F.lit(2), "bucket": F.lit(0), "features": [feature]}
    counts = [
        count_rows(rows.select(F.col("ok").cast(kind)), **how)[1][0].tolist() for kind in ("boolean", "int", "double")
    ]
    assert counts == [[5, 2, 0, 1]] * 3


def test_a_notebook_compares_two_tables_of_scores(spark: SparkSession) -> None:
    rng = np.random.default_rng(3)

    def scores(rows: int, share: float) -> pd.DataFrame:
        y = rng.random(rows) < share
        z = rng.normal(size=rows) * 1.5 + 3 * y - 3
        return pd.DataFrame({"id": np.arange(rows), "y": np.where(y, "bad", "good"), "p": 1 / (1 + np.exp(-z))})

    reference, new = spark.createDataFrame(scores(4000, 0.1)), scores(4000, 0.3)
    how: dict[str, Any] = {"label": "y", "score": "p", "positive": "bad", "threshold": 0.5}
    labels = spark.createDataFrame(new.sample(400, random_state=0)[["id", "y"]])
    found = monitor(reference, spark.createDataFrame(new.drop(columns="y")), key=["id"], labels=labels, **how)
    assert found["label_shift"]["holds"] and [a["what"] for a in found["alerts"]][-1] == "prevalence"
    for estimate in (found["label_shift"]["prevalence"], found["labels"]["prevalence"]):
        assert estimate["value"] == pytest.approx(0.3, abs=0.05)
    with pytest.raises(InputError, match="the score is null or outside"):
        monitor(reference, spark.createDataFrame(new.assign(p=new["p"] * 2)), **how)
    with pytest.raises(InputError, match="there is none: name the columns"):
        monitor(reference, reference, labels=labels, **how)
