"""Stage `profile`: pin the input, count the classes, describe the features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, dtype
from steelyard.config import DataConfig
from steelyard.dataset import Cost, Dataset
from steelyard.frames.reading import Source, read
from steelyard.frames.tables import write_parquet
from steelyard.hashing import row_hash
from steelyard.metrics import check_amounts
from steelyard.splitting import time_position
from steelyard.stages._check import check_names_of_outputs, check_profile
from steelyard.stages._context import Context, Result
from steelyard.stages._feature_notes import feature_notes
from steelyard.stages._source import configured_source, roles
from steelyard.stats import ClassCounts, class_counts, profile


def run(ctx: Context, attempt: str) -> Result:
    """Pin the input and write `stats.json` and `input.json`."""
    folder = f"profile/{attempt}"
    df, document = _pinned(ctx, folder)
    statistics = describe(df, ctx.config.data, ctx.warn)
    ctx.run.write_json(f"{folder}/stats.json", statistics)
    document["pin"]["files"] = ctx.hide(document["pin"]["files"])
    ctx.run.write_json(f"{folder}/input.json", document)
    check_profile(ctx.config, df, Dataset.from_json(statistics["dataset"]), statistics)
    if ctx.config.data.on_null_label == "drop" and statistics["null_labels"]:
        ctx.warn(f"{statistics['null_labels']:,} rows without a label are left out (data.on_null_label is drop)")
    counts = {c: of["count"] for c, of in statistics["classes"].items()}
    summary = {k: statistics[k] for k in ("rows", "null_labels", "positive", "imbalance_ratio")}
    summary["quarantined"] = _quarantine(df, ctx, folder, statistics["null_labels"])
    return Result([folder], {"in": {**counts, **_nulls(statistics["null_labels"])}, "out": counts}, summary)


def describe(df: DataFrame, data: DataConfig, warn: Callable[[str], None], *, bare: bool = False) -> dict[str, Any]:
    """Return the content of `stats.json` for a table; `bare` is as for `roles`."""
    found = roles(df, data, bare=bare, warn=warn)
    if not found.key:
        warn("no data.key: all columns identify a row, and splits read the whole table")
    counts = class_counts(df, data.label)
    counts.check()
    positive = counts.positive(data.positive)
    repeated = _repeated(df, found.key, warn)
    known = replace(found, positive=positive, classes=counts.ordered(positive))
    check_amounts(df, known)
    features = profile(df, known, counts.counts)
    feature_notes(df, known, counts.total + counts.nulls, features, warn)
    return {
        "rows": counts.total + counts.nulls,
        "label": data.label,
        "null_labels": counts.nulls,
        "repeated_keys": repeated,
        "positive": positive,
        "imbalance_ratio": counts.imbalance_ratio,
        "classes": _shares(counts),
        "latest_time": _latest(df, found.time),
        "features": features,
        "dataset": replace(known, cost=Cost()).to_json(),  # which a change of costs must not concern
        "cost_columns": list(known.cost.columns),
    }


def _latest(df: DataFrame, time: str | None) -> str | None:
    """Return the latest time in the table, in UTC, to the second; numbers are not dates. One narrow scan."""
    if time is None or isinstance(dtype(df, time), T.NumericType):
        return None
    found = df.agg(F.max(time_position(df, time, 0)).alias("at")).first()
    return None if found is None or found["at"] is None else _date(found["at"])


def _date(microseconds: int) -> str | None:
    try:
        return datetime.fromtimestamp(microseconds // 1_000_000, UTC).isoformat()
    except (ValueError, OverflowError, OSError):  # a placeholder for "never", beyond the year 9999
        return None


def _repeated(df: DataFrame, key: Sequence[str], warn: Callable[[str], None]) -> int | None:
    """Return how many keys occur more than once: one narrow scan and one shuffle of hashes."""
    if not key:
        return None
    counts = df.groupBy(row_hash(df, key, 0, "repeated")).count().where("count > 1")
    found = counts.agg(F.count(F.lit(1)).alias("keys"), F.sum("count").alias("rows")).first()
    keys, rows = (found["keys"], found["rows"]) if found else (0, 0)
    if keys:
        warn(
            f"data.key ({', '.join(key)}) is not unique: {keys:,} of its values occur in more than one row ({rows:,} "
            "rows in total); a stratified split keeps rows of one key and class together"
        )
    return int(keys)


def _shares(counts: ClassCounts) -> dict[str, dict[str, Any]]:
    return {c: {"count": n, "share": n / counts.total} for c, n in counts.counts.items()}


def _nulls(count: int) -> dict[str, int]:
    return {"null": count} if count else {}


def _pinned(ctx: Context, folder: str) -> tuple[DataFrame, dict[str, Any]]:
    """Return the table and the document that lets later stages read the same one."""
    where = configured_source(ctx.config.data)
    reading = read(ctx.spark, where)
    for note in reading.notes:
        ctx.warn(note)
    check_names_of_outputs(ctx.config, reading.df, roles(reading.df, ctx.config.data))
    if reading.pin is not None and not ctx.config.data.snapshot:
        return reading.df, {"snapshot": None, "pin": reading.pin.to_json()}
    path = f"{folder}/snapshot"
    write_parquet(reading.df, ctx.run.uri(path))
    copy = read(ctx.spark, Source("parquet", (ctx.run.uri(path),)))
    if copy.pin is None:  # it is made of files
        raise AssertionError(path)
    return copy.df, {"snapshot": path, "pin": copy.pin.to_json()}


def _quarantine(df: DataFrame, ctx: Context, folder: str, nulls: int) -> int:
    """Write rows without a label to the quarantine if it is configured."""
    if ctx.config.data.on_null_label != "quarantine" or not nulls:
        return 0
    unlabelled = df.where(class_text(df, ctx.config.data.label).isNull())
    write_parquet(unlabelled, ctx.run.uri(f"{folder}/quarantine"))
    ctx.warn(f"{nulls:,} rows without a label were moved to {folder}/quarantine")
    return nulls
