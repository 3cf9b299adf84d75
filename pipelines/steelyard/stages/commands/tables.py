"""The work of single stages on a table, for commands without a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from steelyard import metrics
from steelyard.columns import check_free, check_names, internal, require_columns
from steelyard.config import AUTO, DataConfig, PipelineConfig, known_format, load
from steelyard.dataset import Dataset
from steelyard.deciding import greatest_class
from steelyard.diagnosis import diagnose, recommended_sampler
from steelyard.errors import InputError
from steelyard.frames.reading import read
from steelyard.frames.tables import write_parquet
from steelyard.hashing import group_hash, hashable, row_hash, unit_hash
from steelyard.sampling import SamplingPlan, apply_plan, sampler_class, sampler_for
from steelyard.splitting import BUCKETS, FoldPlan, SplitPlan, count_torn_keys, ungrouped_note
from steelyard.stages._context import ignore_warning
from steelyard.stages._source import configured_source, roles
from steelyard.stages.commands._scored_classes import advice, chosen_threshold, scored_classes
from steelyard.stages.profile import describe
from steelyard.stages.split import make_folds, make_plan, write_folds, write_splits
from steelyard.stats import class_counts
from steelyard.store import RunDir, Store, to_json


def bare_table(
    data: str, form: str | None = None, sections: Mapping[str, Any] | None = None, **roles: Any
) -> PipelineConfig:
    """Return a checked configuration for a table that has no pipeline.

    The format of `data` follows from the endings of its files unless `form` gives it. `sections` are other sections of
    a pipeline, `roles` are keys of the section `data`; empty ones are left out.
    """
    source = {
        "path": data,
        "format": known_format(form, "--format"),
        **{k: v for k, v in roles.items() if v or (k, v) == ("positive", "")},
    }
    return load({"version": 1, "name": "table", "data": source, **(sections or {})})


def free(out: str) -> RunDir:
    """Return the folder to write to. Nothing is overwritten: it must not exist."""
    return _free(Store(out).here(), "", out, "folder")


def new_file(out: str) -> tuple[RunDir, str]:
    """Return the folder and the name of a file to write, which must not exist."""
    folder, _, name = out.rpartition("/")
    return _free(Store(folder or ".").here(), name, out, "file"), name


def _free(place: RunDir, name: str, out: str, what: str) -> RunDir:
    if place.exists(name) or place.is_link(name):
        raise InputError(f"--out {out} exists already; name a new {what}, or delete it first")
    place.check_writable()
    return place


def _publish(place: RunDir, plan: SplitPlan | FoldPlan | SamplingPlan, write: Callable[[str], None]) -> None:
    """Write the rows to the URI of `data`, then `plan.json`. Neither is there before both are written."""
    document = to_json(plan.to_json())  # before anything is written
    with place.written_whole("plan.json") as made:
        write(made.uri("data"))
        made.write_bytes("plan.json", document)


Warn = Callable[[str], None]
"""Takes a note for the user."""


def _table(spark: SparkSession, config: PipelineConfig, warn: Warn) -> DataFrame:
    """Return the table, and note how it was read if that matters."""
    reading = read(spark, configured_source(config.data))
    for note in reading.notes:
        warn(note)
    return reading.df


def profile_table(spark: SparkSession, config: PipelineConfig, warn: Warn = ignore_warning) -> dict[str, Any]:
    """Return a table's statistics, as in `stats.json`."""
    return describe(_table(spark, config, warn), config.data, warn, bare=True)


def split_table(spark: SparkSession, config: PipelineConfig, out: str, warn: Warn = ignore_warning) -> SplitPlan:
    """Write a table's splits to `out/data` and the plan to `out/plan.json`."""
    place = free(out)
    df, data, counts = _to_be_divided(spark, config, "split", warn)
    plan = make_plan(df, data, counts, config.split)
    plan = replace(plan, torn_keys=count_torn_keys(df, plan, data.key))
    _publish(place, plan, partial(write_splits, df, plan))
    return plan


def fold_table(
    spark: SparkSession, config: PipelineConfig, folds: int, out: str, warn: Warn = ignore_warning
) -> FoldPlan:
    """Write a table with a column `fold` to `out/data` and the plan to `out/plan.json`."""
    place = free(out)
    df, data, counts = _to_be_divided(spark, config, "fold", warn)
    plan = make_folds(df, data, counts, config.split, folds)
    plan = replace(plan, torn_keys=count_torn_keys(df, plan, data.key))
    _publish(place, plan, partial(write_folds, df, plan))
    return plan


def _to_be_divided(
    spark: SparkSession, config: PipelineConfig, added: str, warn: Warn
) -> tuple[DataFrame, Dataset, Mapping[str, int]]:
    """Return a bare table that has no column `added` yet, its roles and its class counts."""
    wanted = config.data
    df = _table(spark, config, warn)
    check_names(df.columns)
    check_free(df.columns, [added], "split")
    named = [*wanted.key, *wanted.exclude, *(c for c in (wanted.group, wanted.time) if c)]
    require_columns(df, named, "column")
    found = class_counts(df, wanted.label)
    for note in found.notes():
        warn(note)
    found.check()
    found.refuse_nulls(wanted.label)
    content = tuple(c for c in df.columns if c not in (wanted.label, *wanted.exclude))
    key = tuple(wanted.key)
    return (
        df,
        Dataset(wanted.label, content, key=key, content=content, group=wanted.group, time=wanted.time),
        found.counts,
    )


def resample_table(spark: SparkSession, config: PipelineConfig, out: str, warn: Warn = ignore_warning) -> SamplingPlan:
    """Write a resampled table to `out/data` and the plan to `out/plan.json`; `auto` diagnoses the table first."""
    place = free(out)
    df = _table(spark, config, warn)
    wanted = config.resample
    reads = wanted.method == AUTO or sampler_class(wanted.method).numeric
    data = roles(df, config.data, bare=True, any_type=not reads, warn=warn)
    if wanted.method == AUTO:
        found = class_counts(df, data.label)
        wanted = recommended_sampler(diagnose(df, data, found.counts))
    made = sampler_for(data, wanted.method, wanted.params).resample(df)
    _publish(place, made.plan, partial(write_parquet, apply_plan(df, made.plan, *made.tables)))
    return made.plan


def _telling_apart(df: DataFrame, data: DataConfig) -> list[str]:
    """Return the columns that identify scored rows."""
    return [name for name in hashable(df) if name not in data.exclude]


def evaluate_table(
    spark: SparkSession,
    config: PipelineConfig,
    score: str,
    threshold: float | None,
    group: str | None,
    warn: Warn = ignore_warning,
) -> dict[str, Any]:
    """Return the metrics for scores of any model, in the format of `metrics.json` with a single split `all`.

    With two classes, `score` is the score of the positive one; with more, it has an entry for each class, the
    greatest of which is the decision. Without a threshold, decisions are made at 0.5.
    """
    if score == config.data.label:
        raise InputError(f"--score and --label are both {score!r}; name the column of scores")
    df = _table(spark, config, warn)
    check_names(df.columns)
    data = config.data
    require_columns(df, [score, *([group] if group else []), *data.exclude], "column")
    positive, classes = scored_classes(df, data, score, warn)
    used = chosen_threshold(positive, classes, threshold, data)
    rows, decision = df, None
    identity = _telling_apart(df, data)
    if positive is None:
        entries, decision = internal("scores"), internal("decision")
        each = metrics.ScoreColumn.of(df, score).of_classes(classes)
        named = F.map_from_arrays(F.array(*[F.lit(c) for c in classes]), F.col(entries))
        rows = df.withColumn(entries, each).withColumn(decision, greatest_class(named, classes))
        identity = [*identity, entries]
    if group is None:
        place = unit_hash(rows, identity, [], "bucket")
    else:  # no shuffle for the few rows that have no group
        place = group_hash(rows, group, row_hash(rows, identity, 0, "bucket"), "bucket")
    judged = metrics.evaluate(
        rows,
        classes=classes,
        positive=positive,
        bucket=(place % BUCKETS).cast("int"),
        label=data.label,
        score=score,
        decision=decision,
        threshold=used,
        weight=data.weight,
        false_negative=data.cost.false_negative,
        false_positive=data.cost.false_positive,
        grouped=group is not None,
    )
    notes = advice(judged.notes, threshold, used) + ([] if group is None else ungrouped_note(df, group))
    return metrics.document(config.name, "", positive, used, {"all": judged.to_json()}, notes)
