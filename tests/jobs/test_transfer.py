"""Transfer: source rows by their weights, the gain against no transfer, fold models, and a booster that goes on."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T
from sklearn.metrics import roc_auc_score
from small_pipelines import pipeline, small_table

from steelyard.classifier import DrawnRows
from steelyard.config import TransferConfig
from steelyard.dataset import Dataset
from steelyard.distortion import Distortion
from steelyard.errors import InputError
from steelyard.learning import TrainingRows
from steelyard.splitting import time_position
from steelyard.stages import Context, run_stage
from steelyard.stages._model import trained_model
from steelyard.stages._source import dataset, rows_of
from steelyard.stages._transfer import _check_unseen
from steelyard.stages._transfer_rows import RATIO, _typed, check_source_amounts, joined, joined_in_folds, source_share
from steelyard.stages._transfer_times import in_units_of, kind_of_time, known_at_training
from steelyard.stages.commands.check import check_paths
from steelyard.stages.split import make_folds
from steelyard.store import RunDir

_TARGET = 1500
_ADDED = 1200


def _source(path: Path, target: pd.DataFrame, shift: float) -> str:
    """Write the target's rows and more; features of added positives are moved by `shift`."""
    more = small_table(_ADDED, seed=8).assign(id=lambda t: t["id"] + 1_000_000)
    more[["a", "b"]] += np.where(more["y"] == 1, shift, 0.0)[:, None]
    rows = pd.concat([target, more]).drop(columns=["customer", "t"])
    rows.assign(region="south", site=7).to_parquet(path, index=False)
    return str(path)


def test_sources_help_and_harm(execute: Callable[..., RunDir], spark: SparkSession, tmp_path: Path) -> None:
    target = small_table(_TARGET, seed=5)
    # Columns that tell the domains apart do not spoil the weights.
    here = target.assign(region="north", site=np.arange(_TARGET) % 5)
    here.to_parquet(tmp_path / "t.parquet", coerce_timestamps="us", index=False)

    def asked(transfer: dict[str, Any], folds: str = "none", **sections: Any) -> Any:
        train = {"model": "xgboost", "params": {"n_estimators": 30, "max_depth": 3}, "transfer": transfer}
        return pipeline(str(tmp_path / "t.parquet"), train={**train, "fold_models": folds}, **sections)

    good = _source(tmp_path / "good.parquet", target, 0.0)
    bad = _source(tmp_path / "bad.parquet", target.head(0), -6.0)
    run = execute(asked({"source": good, "method": "importance_weighting"}))
    metrics, counts = run.read_json("metrics.json"), _counts(run)
    found = metrics["transfer"]
    held = sum(sum(counts[name].values()) for name in ("validation", "test"))
    assert (found["dropped"], found["rows"]) == (held, _TARGET + _ADDED - held)
    assert found["classes"]["1"]["rows"] == counts["train"]["1"] + _ADDED // 10
    for of in found["classes"].values():
        assert of["effective_rows"] <= of["rows"] and 0.3 < of["weight"] / of["rows"] < 3
        assert 0.4 < of["domain_auc"] < 0.65
    assert 0 < found["share"] < 1 and found["left_out"] == ["region", "site"]
    assert metrics["baseline"]["recipe"] == "no_transfer"
    assert set(metrics["baseline"]["gain"]) >= {"pr_auc", "log_loss"}
    assert "the same recipe without" in unescape(run.read_text("report.html"))

    spark.read.parquet(bad).write.saveAsTable("elsewhere")
    try:
        from_table = {"table": "default.elsewhere", "method": "importance_weighting"}
        harmful = execute(asked(from_table), resume=True).read_json("metrics.json")
    finally:
        spark.sql("DROP TABLE elsewhere")
    # At once, not after the stages before `train`.
    with pytest.raises(InputError, match=r"train\.transfer: cannot read default\.elsewhere"):
        execute(asked(from_table), run_id="r5")
    classes = harmful["transfer"]["classes"]
    # Positives of the source lie where the target has none.
    assert classes["1"]["rows"] == _ADDED // 10 and harmful["transfer"]["dropped"] == 0
    assert classes["1"]["weight"] < 0.15 * classes["1"]["rows"]
    assert classes["1"]["domain_auc"] > 0.9

    with pytest.raises(InputError, match=r"train\.transfer: start is a model of xgboost; neural_network continues its"):
        tuning = {"model": "neural_network", "transfer": {"source": run.location, "method": "fine_tune"}}
        check_paths(pipeline(good, train=tuning))
    start = {"source": run.location, "method": "warm_start"}
    again = execute(asked(start, folds="always"), run_id="r2")
    continued, trained = again.read_json("metrics.json"), again.outcome("train")
    assert continued["transfer"]["method"] == "warm_start" and continued["transfer"]["verdict"]
    # No model of a fold: that of the source has seen all training rows.
    assert trained is not None and "out_of_fold" not in trained.details
    with pytest.raises(InputError, match="was trained on .* rows whose key is in validation or test"):
        execute(asked(start, split={"method": "stratified", "seed": 77}), run_id="r3")
    with pytest.raises(InputError, match=r"train.transfer: features differ.*the table lacks \['b'\]"):
        execute(asked(start, data={"exclude": ["customer", "t", "b"]}), run_id="r4")


def test_the_share_of_a_source_counts_row_weights(spark: SparkSession) -> None:
    data = Dataset("y", features=(), weight="w")
    target = spark.createDataFrame([(1, 4.0, False), (0, 9.0, False)], "y int, w double, is_synthetic boolean")
    rows = spark.createDataFrame([(1, 2.0, 3.0), (0, 1.0, 1.0)], f"y int, w double, {RATIO} double")
    both = joined(TrainingRows(target, {"0": 1, "1": 1}, None, None, Distortion()), rows, data, data.weight)
    assert source_share(both, rows, data) == pytest.approx(7 / (7 + 13))


def test_numbers_of_a_source_that_are_not_whole(spark: SparkSession) -> None:
    rows = spark.createDataFrame(
        [(1.0, 5), (float("nan"), None), (None, -3), (2.5, 3 * 10**9)], "a double, b bigint"
    ).coalesce(1)
    kind = T.IntegerType()
    good = rows.limit(3).select(_typed(rows, "a", kind), _typed(rows, "b", kind)).collect()
    assert [tuple(row) for row in good] == [(1, 5), (None, None), (None, -3)]
    for name, shown in (("a", "2.5"), ("b", "3000000000")):
        with pytest.raises(
            Exception, match=f"column '{name}' is int in the table; the source has values such as {shown}"
        ):
            rows.select(_typed(rows, name, kind)).collect()


def test_weights_of_a_source_are_checked(spark: SparkSession) -> None:
    data = Dataset("y", ("a",), key=("id",), weight="w", positive="1", classes=("0", "1"))
    rows = spark.range(8).selectExpr("id", "id % 2 as y", "id as a", "if(id = 3, null, 2.0) as w")
    with pytest.raises(InputError, match=r"source of train\.transfer: weight column 'w' is null in 1 of 8 labelled"):
        check_source_amounts(rows, data, costs=False)
    with pytest.raises(InputError, match=r"source of train\.transfer: weight column 'w' is negative"):
        check_source_amounts(rows.withColumn("w", F.lit(-1)), data, costs=False)


def test_a_monotone_network_is_fine_tuned(
    evaluated: Callable[..., RunDir], spark: SparkSession, tmp_path: Path
) -> None:
    """Positives have greater values of both features, of which one is declared to lower the score."""
    pytest.importorskip("torch", reason="steelyard[deep] is not installed")
    target, source = small_table(_TARGET, seed=5), small_table(_ADDED, seed=8).assign(id=lambda t: t["id"] + 1_000_000)
    for name, table in (("t", target), ("s", source)):
        table.to_parquet(tmp_path / f"{name}.parquet", coerce_timestamps="us", index=False)

    def asked(table: str, **more: Any) -> Any:
        params = {"width": 8, "blocks": 1, "epochs": 5, "batch_size": 128, "learning_rate": 0.01}
        data = {"domain": {"a": {"monotone": -1}, "b": {"monotone": 1}}}
        return pipeline(str(tmp_path / table), train={"model": "neural_network", "params": params, **more}, data=data)

    first = evaluated(asked("s.parquet"))
    how = {"source": first.location, "method": "fine_tune", "learning_rate_factor": 0.2}
    second = evaluated(asked("t.parquet", transfer=how), run_id="r2")
    found = second.read_json("metrics.json")["transfer"]
    assert found["method"] == "fine_tune" and found["verdict"] in ("gains", "no gain shown")
    assert found["learning_rate"] == pytest.approx(0.002)
    before, after = trained_model(first), trained_model(second)
    assert after.settings["params"] == {**before.settings["params"], "learning_rate": found["learning_rate"]}
    assert after.preprocessing == before.preprocessing and after.distortion.kind == "unknown"
    grid = spark.range(40).selectExpr("id", "'web' as kind", "30.0 as amount", "id / 8 - 2 as x")
    for model in (before, after):
        assert [n for n, sign in zip(model.preprocessing.names, model.monotone, strict=True) if sign] == ["a", "b"]
        rising = model.predict(grid.selectExpr("*", "x as b", "0.0 as a"), "p").orderBy("id").toPandas()["p"].str[1]
        falling = model.predict(grid.selectExpr("*", "x as a", "0.0 as b"), "p").orderBy("id").toPandas()["p"].str[1]
        assert np.diff(rising).min() > -1e-6 and np.ptp(rising) > 0.01
        assert np.diff(falling).max() < 1e-6


def _customers(seed: int) -> pd.DataFrame:
    """100 customers with 8 rows each, whose labels nothing tells; features name the customer."""
    rng = np.random.default_rng(seed)
    places, labels = rng.uniform(size=(100, 2)), rng.permutation(100) < 20
    customer = np.repeat(np.arange(100), 8)
    table = pd.DataFrame({"id": rng.permutation(800), "customer": customer, "y": labels[customer].astype(int)})
    table[["a", "b"]] = places[customer] + rng.normal(scale=0.001, size=(800, 2))
    return table


def test_fold_models_do_not_know_their_rows_from_the_source(start: Callable[..., Context], tmp_path: Path) -> None:
    target, other = _customers(1), _customers(2)
    same_group = target.assign(id=lambda t: t["id"] + 1000)
    same_key = target.assign(customer=lambda t: t["customer"] + 1000)
    known = pd.concat([same_group, same_key])
    source = pd.concat([known, other.assign(id=lambda t: t["id"] + 5000, customer=lambda t: t["customer"] + 5000)])
    for name, table in (("t", target), ("s", source)):
        table.to_parquet(tmp_path / f"{name}.parquet", index=False)
    # One deep tree knows every row that it has seen.
    deep = {"n_estimators": 1, "max_depth": 0, "learning_rate": 1.0, "min_child_weight": 0.0, "reg_lambda": 0.01}
    how = {"source": str(tmp_path / "s.parquet"), "method": "importance_weighting"}
    train = {"model": "xgboost", "fold_models": "auto", "params": deep, "transfer": how}
    split = {"method": "group", "validation": 0.2, "test": 0.2}
    data = {"group": "customer", "exclude": []}
    ctx = start(pipeline(str(tmp_path / "t.parquet"), train=train, split=split, data=data))
    for stage in ("profile", "split", "resample", "train", "decide"):
        run_stage(ctx, stage)
    trained = ctx.run.outcome("train")
    assert trained is not None
    folder = Path(ctx.run.location, "model", trained.attempt)
    ours, plain = (pd.read_parquet(place / "out_of_fold").sort_values("id") for place in (folder, folder / "baseline"))
    scores = {
        name: np.stack(of["__steelyard_out_of_fold"].to_numpy())[:, 1]
        for name, of in (("ours", ours), ("plain", plain))
    }
    assert list(ours["id"]) == list(plain["id"]) and len(ours) == trained.details["out_of_fold"]["rows"]
    # Models that had seen the rows' copies would rank nearly all of them right.
    assert roc_auc_score(ours["y"], scores["ours"]) < 0.75
    model = trained_model(ctx.run)
    seen = model.predict(ctx.spark.createDataFrame(ours[["id", "customer", "y", "a", "b"]]), "p").toPandas()
    assert roc_auc_score(seen["y"], np.stack(seen["p"].to_numpy())[:, 1]) > 0.95
    assert not np.allclose(scores["ours"], scores["plain"])  # the other rows of the source have joined
    warned = ctx.run.outcome("decide")
    assert warned is not None and f"{int(ours['y'].sum()):,} training rows" in warned.details["few_positives"]


def test_nothing_is_known_of_a_source_that_is_later(start: Callable[..., Context], tmp_path: Path) -> None:
    target, source = small_table(seed=5), small_table(seed=8).assign(id=lambda t: t["id"] + 1_000_000)
    source["t"] += pd.Timedelta(days=-10)  # some rows are earlier than the table
    target.to_parquet(tmp_path / "t.parquet", coerce_timestamps="us", index=False)
    source.assign(t=source["t"].astype(str)).to_parquet(tmp_path / "s.parquet", index=False)  # times of another type
    how = {"source": str(tmp_path / "s.parquet"), "method": "importance_weighting"}
    split = {"method": "temporal", "validation": 0.2, "test": 0.3}
    train = {"model": "logistic_regression", "transfer": how}
    ctx = start(pipeline(str(tmp_path / "t.parquet"), train=train, split=split, data={"time": "t"}))
    for stage in ("profile", "split", "resample", "train"):
        run_stage(ctx, stage)
    done = ctx.run.outcome("train")
    assert done is not None and ctx.config.train.transfer is not None
    known = source[source["t"] <= np.sort(target["t"])[599]]
    assert source["t"].min() < target["t"].min()
    found = done.details["transfer"]
    assert (found["rows"], found["later"], found["dropped"]) == (len(known), 1200 - len(known), 0)
    assert f"{found['later']:,} are left out: their times are later" in " ".join(done.details["messages"])

    numbers = ctx.spark.createDataFrame([(1, 2)], "y int, t int")
    others, unknown = known_at_training(ctx, numbers)
    assert others.columns == ["y"] and unknown is None, "numbers are not the points in time of the folds"

    data, rows = dataset(ctx), rows_of(ctx, "train")
    counts = ctx.read("split", "plan.json")["counts"]["train"]
    plan = make_folds(rows, data, counts, ctx.config.split, 2)
    drawn = DrawnRows(rows, {"0": 1.0, "1": 1.0})
    change = joined_in_folds(ctx, ctx.config.train.transfer, f"model/{done.attempt}/source", drawn, plan)
    for fold, end in ((1, 199), (2, 399)):
        none = TrainingRows(rows.limit(0), {}, None, None, Distortion())
        joining = change(fold, none).rows.toPandas()
        assert sorted(joining["id"]) == sorted(source["id"][source["t"] <= np.sort(target["t"])[end]])

    other = start(pipeline(str(tmp_path / "s.parquet")), run_id="r2")
    for stage in ("profile", "split"):
        run_stage(other, stage)
    seen = rows_of(other, "train").toPandas()["t"].astype("datetime64[us]")
    warned: list[str] = []
    continued = TransferConfig(source=other.run.location, method="warm_start")
    _check_unseen(Context(ctx.run, ctx.config, lambda: ctx.spark, warned.append), continued)
    later = int((seen > known["t"].max()).sum())
    [note] = warned
    assert later and f"trained on {later:,} rows that are later than the training rows" in note


def test_whole_numbers_and_fractions_are_the_same_times(spark: SparkSession) -> None:
    """Pandas makes fractions of whole numbers where one is missing."""
    source = spark.createDataFrame([(3.0,), (4.5,), (float("nan"),), (None,), (float("inf"),)], "t double")
    whole = in_units_of(source, "t", T.LongType())
    assert [row["t"] for row in whole.collect()] == [3, 5, None, None, None]
    assert in_units_of(whole, "t", T.IntegerType()) is whole
    back = in_units_of(whole, "t", T.DecimalType(9, 2))
    assert back.select(time_position(back, "t", 0)).first() == (3_000_000,)
    dates = spark.createDataFrame([("2026-01-01",)], "t string")
    assert in_units_of(dates, "t", T.TimestampType()) is dates
    kinds = [
        kind_of_time(df, "t") for df in (whole, dates, dates.selectExpr("date(t) as t"), dates.selectExpr("1 > 0 as t"))
    ]
    assert kinds == ["number", "point", "point", None], "a boolean is no time: there is a warning, and no error"


def _counts(run: RunDir) -> Any:
    split = run.outcome("split")
    assert split is not None
    return run.read_json(f"split/{split.attempt}/plan.json")["counts"]
