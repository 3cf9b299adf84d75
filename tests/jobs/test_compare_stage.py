"""The stage `compare`: the same bytes twice, what follows the choice, and an interrupted comparison."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from small_pipelines import pipeline

from steelyard.comparing import PLAIN
from steelyard.config import CompareConfig, RedecideConfig
from steelyard.stages import Context, run_pipeline, run_stage, start_run
from steelyard.stages._choices import earlier_choice
from steelyard.stages.compare import Kept
from steelyard.store import RunDir, Store

BEFORE = ("profile", "split")
AUTO = {"resample": {"method": "auto"}, "train": {"model": "auto"}}
CANDIDATES = {
    "shallow": {"train": {"model": "xgboost", "params": {"max_depth": 2, "n_estimators": 20}}},
    "forest": {"train": {"model": "random_forest", "params": {"numTrees": 5}}},  # Spark ML trains it
    "mapped": {"resample": {"method": "random_under_sampler", "sampling_strategy": {0: 300}}},  # of all training rows
    "crowded": {"resample": {"method": "random_under_sampler", "sampling_strategy": 0.01}},  # more than there are
    "numeric": {"resample": {"method": "smote", "missing": "impute"}},  # the table has a category
}


def bytes_of(run: RunDir) -> bytes:
    outcome = run.outcome("compare")
    assert outcome is not None and outcome.done
    return run.read_bytes(f"compare/{outcome.attempt}/choice.json")


@pytest.fixture(scope="module")
def compared(spark: SparkSession, table: str, tmp_path_factory: pytest.TempPathFactory) -> Context:
    """A run up to its comparison by cost, interrupted when the second candidate was judged, and continued."""
    config = pipeline(
        table,
        data={"cost": {"false_negative": "amount", "false_positive": 5}},
        compare={"candidates": CANDIDATES, "folds": 2},
        **AUTO,
    )
    store = Store(tmp_path_factory.mktemp("compare"))
    ctx = Context(start_run(store, config, "r1", {}), config, lambda: spark)
    run_pipeline(ctx, stages=BEFORE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Kept, "__setitem__", _interrupted(Kept.__setitem__, after=2))
        with pytest.raises(KeyboardInterrupt):
            run_stage(ctx, "compare")
    assert ctx.run.outcome("compare") is None, "nothing is published"
    assert len(ctx.run.files("compare/parts")) == 2
    ctx.warned = []  # type: ignore[attr-defined]
    ctx.warn = ctx.warned.append  # type: ignore[attr-defined]
    run_stage(ctx, "compare")
    return ctx


def _interrupted(keep: Any, *, after: int) -> Any:
    count = 0

    def kept(self: Kept, name: str, scores: Any) -> None:
        nonlocal count
        count += 1
        if count > after:
            raise KeyboardInterrupt
        keep(self, name, scores)

    return kept


def test_an_interrupted_comparison_continues(compared: Context) -> None:
    numeric, first, *others = compared.warned  # type: ignore[attr-defined]
    assert "2 of 7 candidates are judged already" in first
    assert any("crowded is left out" in note for note in others)
    assert "numeric is left out" in numeric and "'kind'" in numeric
    assert not compared.run.exists("compare/parts"), "parts of a whole comparison are deleted"


def test_the_choice_and_what_it_says(compared: Context) -> None:
    choice = compared.read("compare", "choice.json")
    rows = {row["name"]: row for row in choice["candidates"]}
    assert set(rows) == {PLAIN, "logistic_regression", "xgboost balanced", "shallow", "forest", "mapped"}
    assert choice["metric"] == "cost" and choice["chosen"] in rows
    assert rows[PLAIN]["difference"] == {} and rows["shallow"]["difference"]["cost"]["ci95"] is not None
    for row in rows.values():
        assert row["cost"]["value"] < 6.5, "cheaper than no alarm at all"
        assert "seconds" not in str(row)
    if not choice["better_than_plain"] and choice["chosen"] != PLAIN:
        assert "no better than plain" in choice["reason"]


def test_the_same_comparison_gives_the_same_bytes_and_is_followed(compared: Context, spark: SparkSession) -> None:
    first = bytes_of(compared.run)
    before = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", 3)
    try:
        run_stage(compared, "compare")
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", str(before))
    assert bytes_of(compared.run) == first
    chosen = compared.read("compare", "choice.json")["recipe"]
    for stage in ("resample", "train", "decide"):
        run_stage(compared, stage)
    assert compared.read("resample", "plan.json")["sampler"] == chosen["resample"]["method"]
    model = compared.read("train", "model.json", "model")
    assert model["trainer"] == chosen["train"]["model"] and model["class_weight"] == chosen["train"]["class_weight"]


def test_a_later_run_takes_over_the_choice_of_an_alike_table(compared: Context, spark: SparkSession) -> None:
    """The choice of the first run stays until a bound is passed; the later run trains no folds."""

    def later(run_id: str, where: str | None, **compare: Any) -> Context:
        data = compared.config.data.model_copy(update={"where": where})
        wanted = CompareConfig(candidates=CANDIDATES, folds=2, redecide=RedecideConfig(**compare))
        config = compared.config.model_copy(update={"data": data, "compare": wanted})
        store = Store(str(Path(compared.run.location).parents[1]))
        ctx = Context(start_run(store, config, run_id, {}), config, lambda: spark)
        ctx.warned = []  # type: ignore[attr-defined]
        ctx.warn = ctx.warned.append  # type: ignore[attr-defined]
        run_pipeline(ctx, stages=BEFORE)
        return ctx

    alike = later("r2", "id < 1000")
    run_stage(alike, "compare")
    taken, first = alike.read("compare", "choice.json"), compared.read("compare", "choice.json")
    assert taken.pop("taken_over")["run_id"] == "r1" and taken == first
    assert not alike.warned  # type: ignore[attr-defined]
    other = later("r3", "id < 700", rows=1.5)
    earlier = earlier_choice(other)
    assert earlier is not None and earlier.run_id == "r1", "a choice that was taken over is not kept again"
    run_stage(other, "compare")
    assert "comparing again, since run r1" in other.warned[0]  # type: ignore[attr-defined]
    assert "taken_over" not in other.read("compare", "choice.json")


def test_the_plain_baseline_is_judged_on_the_same_test_rows(table: str, execute: Callable[..., RunDir]) -> None:
    config = pipeline(
        table,
        data={"cost": {"false_negative": 50, "false_positive": 5}},
        compare={"candidates": {}, "folds": 2},
        train={"model": "logistic_regression"},
    )
    run = execute(config)
    metrics = run.read_json("metrics.json")
    plain = metrics["baseline"]
    assert plain["recipe"] == PLAIN and set(plain["gain"]) == {"expected_cost", "log_loss", "pr_auc"}
    assert plain["test"]["support"] == metrics["splits"]["test"]["support"]
    ours, theirs = (of["per_class"]["1"]["pr_auc"]["value"] for of in (metrics["splits"]["test"], plain["test"]))
    assert plain["gain"]["pr_auc"]["value"] == pytest.approx(ours - theirs)
    page = run.read_text("report.html")
    assert "plain baseline on the test rows" in page and "Compared recipes" in page
    assert "so the comparison only informs" in page


def test_a_stage_without_its_section_is_refused(tmp_path: Path, table: str, spark: SparkSession) -> None:
    from steelyard.errors import InputError
    from steelyard.stages.commands.submit import locate

    config = pipeline(table)
    start_run(Store(tmp_path), config, "r1", {})
    with pytest.raises(InputError, match="has no stage compare"):
        locate("compare", config.model_dump_json(by_alias=True), "r1", None, Store(tmp_path))


def test_spark_ml_works_in_a_session_that_has_compared(compared: Context, spark: SparkSession) -> None:
    """Its models with a training summary send the session along, which job tags must leave as it is."""
    from pyspark.ml.classification import RandomForestClassifier
    from pyspark.ml.functions import array_to_vector

    assert compared.run.outcome("compare") is not None
    rows = spark.range(200).select(array_to_vector(F.array(F.col("id").cast("double"))).alias("x"), F.col("id") % 2)
    rows = rows.toDF("x", "y")
    model = RandomForestClassifier(featuresCol="x", labelCol="y", numTrees=2, maxDepth=2).fit(rows)
    assert model.hasSummary and model.transform(rows).select("prediction").count() == 200
    assert len(model.transform(rows).select("probability").collect()) == 200
