"""Features may be called as internal and output columns are: the rows are the same under all names.

A name that is taken changes the rows under those names alone, so that no table under neutral names is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hostile_names import HOSTILE, KEY, LABEL, NEUTRAL, TRAINERS, WIDTH, categories, named_pipeline, numbers
from long_cases import thinned
from noise_parameters import ON_NOISE, TWO_CLASSES
from pyspark.sql import functions as F

from steelyard.classifier import ClassifierEstimator
from steelyard.columns import check_free, check_names, free_name, internal
from steelyard.dataset import Dataset
from steelyard.diagnosis import diagnose
from steelyard.errors import InputError
from steelyard.frames.caching import cached
from steelyard.guards import run_guard
from steelyard.learning import get_trainer
from steelyard.metrics import Evaluator, evaluate
from steelyard.pipeline import Pipeline
from steelyard.sampling import IS_SYNTHETIC, sampler_class, sampler_names
from steelyard.splitting import (
    FoldPlan,
    apply_folds,
    apply_split,
    forward_chaining_folds,
    grouped_folds,
    grouped_split,
    holdout,
    stratified_folds,
    stratified_split,
    temporal_split,
)
from steelyard.stages import Context, run_stage, start_run
from steelyard.stages.commands.score import score_table
from steelyard.store import Store

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Table = Callable[[int, str], "DataFrame"]
# One that draws rows, one that makes them, one that drops them.
SOME = ["random_under_sampler", "smote", "tomek_links"]
SPLITS = (stratified_split, grouped_split, temporal_split)
FOLDS = (stratified_folds, grouped_folds, forward_chaining_folds)
KINDS = {"smoten": "categories", "smotenc": "mixed", "edited_nearest_neighbours": "mixed"}


@pytest.fixture(scope="module")
def table(spark: SparkSession) -> Iterator[Table]:
    """Return a function that gives a table, under one of the lists of names."""
    with ExitStack() as scope:

        @cache
        def made(number: int, kind: str) -> DataFrame:
            names = HOSTILE[number]
            frame = numbers(names) if kind == "numbers" else categories(names, 1 if kind == "categories" else 3)
            return scope.enter_context(cached(spark.createDataFrame(frame)))

        yield made


def rows(df: DataFrame) -> list[str]:
    return sorted(map(repr, map(tuple, df.collect())))


def agree(found: list[Any]) -> None:
    """All results are the same."""
    assert len(found) == len(HOSTILE)
    for i, other in enumerate(found[1:], 1):
        assert other == found[0], f"under the names of HOSTILE[0] and HOSTILE[{i}]"


@pytest.mark.parametrize("name", thinned([n for n in sampler_names() if n not in TWO_CLASSES], SOME))
def test_samplers(name: str, table: Table) -> None:
    found = []
    for number in range(len(HOSTILE)):
        df = table(number, KINDS.get(name, "numbers"))
        sampler = sampler_class(name)(label_col=LABEL, key_col=KEY, **ON_NOISE.get(name, {}))
        result = sampler.fit_resample(df)
        assert result.dtypes == [*df.dtypes, (IS_SYNTHETIC, "boolean")]
        found.append(rows(result))
    agree(found)


def test_columns_that_play_parts_may_be_called_so_too(spark: SparkSession) -> None:
    # Neutral names in the order of the others.
    hostile = ["class", "gap", "neighbor", "rivals", "row_id", "seed", "stratum", "uses", "x"]
    frame = numbers(NEUTRAL[:9]).assign(**{c: range(90) for c in NEUTRAL[4:6]})
    frame[NEUTRAL[0]], frame[NEUTRAL[7]] = frame[LABEL], 1.0 + frame[NEUTRAL[7]].abs()
    found = []
    for names in (NEUTRAL[:9], hostile):
        df = spark.createDataFrame(frame.drop(columns=[KEY, LABEL]).set_axis(names, axis=1))
        roles = dict(
            zip(
                ("label_col", "group_col", "key_col", "time_col", "weight_col"),
                [names[i] for i in (0, 6, 4, 5, 7)],
                strict=True,
            )
        )
        found.append(rows(sampler_class("borderline_smote")(**roles).fit_resample(df)))
    assert found[0] == found[1] and len(found[0]) == 120


@pytest.mark.long
def test_splits_and_folds(spark: SparkSession) -> None:
    group, time = WIDTH // 2, WIDTH // 3
    found = []
    for names in HOSTILE:
        whole = {names[group]: [i % 30 for i in range(90)], names[time]: range(90)}
        df = spark.createDataFrame(numbers(names).assign(**whole))
        data = Dataset(LABEL, tuple(names), key=(KEY,), group=names[group], time=names[time])
        counts, shares = {"a": 60, "b": 30}, {"validation": 0.2, "test": 0.2}
        with cached(df) as kept:
            splits = [
                split(kept, data, counts, **shares) for split in (stratified_split, grouped_split, temporal_split)
            ]
            folds = [plan(kept, data, counts, 3) for plan in (stratified_folds, grouped_folds, forward_chaining_folds)]
            placed = [apply_split(kept, plan) for plan in splits] + [
                apply_folds(kept, plan, "the fold") for plan in folds
            ]
            assert all(p.columns[:-1] == kept.columns for p in placed)
            found.append([rows(p) for p in placed])
    agree(found)


@pytest.mark.parametrize("name", thinned(TRAINERS, ["xgboost"]))
def test_trainers(name: str, table: Table) -> None:
    found, column = [], internal("p")
    for number, names in enumerate(HOSTILE):
        df = table(number, "mixed")
        data = Dataset(LABEL, tuple(names), tuple(names[::3]), key=(KEY,), positive="b", classes=("a", "b"))
        model = get_trainer(name, TRAINERS[name], "balanced", 1, 0).fit(df, df, data, original_train=df)
        scored = model.predict(df, column)
        assert scored.columns == [*df.columns, column]
        found.append(rows(scored.select(KEY, column)))
    agree(found)


RUN = ("profile", "split", "guard_split", "diagnose", "resample", "guard_resampled", "train", "decide")


@pytest.mark.long
def test_runs_and_score(spark: SparkSession, tmp_path: Path) -> None:
    """With models of folds, which Spark trains in one stage; guards see all features too."""
    found = []
    for i, names in enumerate(HOSTILE):
        path = tmp_path / f"t{i}.parquet"
        numbers(names, 120).to_parquet(path, index=False)
        config = named_pipeline(path)
        ctx = Context(start_run(Store(tmp_path), config, f"r{i}", {}), config, lambda: spark)
        for stage in RUN:
            run_stage(ctx, stage)
        score_table(spark, ctx.run.location, str(path), str(tmp_path / f"s{i}"))
        found.append(pd.read_parquet(tmp_path / f"s{i}").sort_values(KEY, ignore_index=True).to_dict("list"))
    assert list(found[0]) == [KEY, LABEL, "score", "decision"] and len(found[0][KEY]) == 120
    agree(found)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a", "b", "A"], "columns 'a' and 'A' differ only in case, which Spark ignores; rename one of them"),
        (["ı", "i"], "columns 'ı' and 'i' differ only in case"),
        (["a", "b", "a"], "the table has two columns 'a'; rename one of them"),
        (["__Steelyard_x"], "column '__Steelyard_x' starts with '__steelyard_', which is reserved for steelyard"),
    ],
)
def test_names_that_are_refused(names: list[str], said: str) -> None:
    with pytest.raises(InputError) as error:
        check_names(names)
    assert said in str(error.value) and "rename" in str(error.value)


def test_names_that_are_taken() -> None:
    check_names(["__a", "steelyard_a", "ß", "ss"])
    assert free_name("split", ["Splits"]) == "split" and free_name("split", ["SPLIT"]) == internal("split")
    with pytest.raises(InputError, match="the table has a column 'Fold', and split adds 'fold'; rename it"):
        check_free(["a", "Fold"], ["fold"], "split")


def calls_with(df: DataFrame) -> Iterator[Callable[[], Any]]:
    """Return a call of each object that takes a user's table."""
    data = Dataset("y", ("p",), key=("p",), group="p", time="p", positive="1", classes=("0", "1"))
    counts, shares = {"0": 1, "1": 1}, {"validation": 0.2, "test": 0.2}
    trainer = get_trainer("logistic_regression", {}, "none", 1, 0)
    yield from (partial(sampler_class(name)(label_col="y").fit_resample, df) for name in sampler_names())
    yield from (partial(split, df, data, counts, **shares) for split in SPLITS)
    yield from (partial(folds, df, data, counts, 2) for folds in FOLDS)
    yield partial(holdout, df, data, counts, 0.5)
    yield partial(ClassifierEstimator(label_col="y").fit, df)
    yield partial(apply_folds, df, FoldPlan("stratified", "y", 0, ("p",), folds=2))
    yield partial(trainer.fit, df, df, data, original_train=df)
    yield partial(Pipeline(stages=[]).fit, df)
    yield partial(Evaluator(label_col="y", score_col="p").evaluate, df)
    yield partial(diagnose, df, data, counts)


def test_every_object_refuses_them(spark: SparkSession) -> None:
    df = spark.createDataFrame([(0, 0.1, 1.0), (1, 0.9, 2.0)], "y int, p double, __steelyard_x double")
    twice = df.select("y", "p", F.col("p").alias("P"))
    judged: dict[str, Any] = {"classes": ["0", "1"], "positive": "1", "bucket": F.lit(0), "label": "y", "score": "p"}
    # Stages give these two tables with columns of their own.
    both = [partial(run_guard, "raw", "raw.json", twice, {"label": "y"}), partial(evaluate, twice, **judged)]
    for call in [*calls_with(twice), *both]:
        with pytest.raises(InputError, match="differ only in case"):
            call()
    for call in calls_with(df):
        with pytest.raises(InputError, match="reserved for steelyard"):
            call()
