"""Stage `profile`: pin the input, count the classes, describe the features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import types as T

from steelyard.columns import class_text, dtype
from steelyard.config import DataConfig
from steelyard.dataset import Cost, Dataset
from steelyard.frames.reading import Pin, Source, read
from steelyard.frames.tables import write_parquet
from steelyard.metrics import amount_columns, refuse_amounts
from steelyard.splitting import time_position
from steelyard.stages._check import check_names_of_outputs, check_profile
from steelyard.stages._context import Context, Result
from steelyard.stages._feature_notes import feature_notes
from steelyard.stages._source import configured_source, roles
from steelyard.stats import ClassCounts, summarize_table

_LIGHT = 0.01
_MANY_FILES, _SMALL_BYTES = 1_000, 128 << 10
_FEWEST_FILES, _FILE_BYTES = 8, 32 << 20  # of a copy of many small files


def run(ctx: Context, attempt: str) -> Result:
    """Pin the input and write `stats.json` and `input.json`.

    Costs one pass over the table (see `steelyard.stats.summarize_table`): one action, two jobs with adaptive plans. One
    job more lists files in partitions or outside the local file system, another one reads schemas of unusual types.
    """
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
    summary = summarize_table(df, found, time=_time(df, found.time), amounts=amount_columns(df, found))
    counts = summary.counts
    for note in counts.notes():
        warn(note)
    counts.check()
    positive = counts.positive(data.positive, data.sampling_rate)
    if summary.repeated is not None:
        _warn_repeated(found.key, *summary.repeated, warn)
    known = replace(found, positive=positive, classes=counts.ordered(positive))
    refuse_amounts(known, summary.amounts, counts.total)
    if known.weight is not None:
        _warn_light(known.weight, max(of[2] for of in summary.amounts[known.weight].values()), warn)
    feature_notes(known, summary, warn)
    return {
        "rows": counts.total + counts.nulls,
        "label": data.label,
        "null_labels": counts.nulls,
        "repeated_keys": None if summary.repeated is None else summary.repeated[0],
        "positive": positive,
        "imbalance_ratio": counts.imbalance_ratio,
        "classes": _shares(counts),
        "latest_time": None if summary.latest is None else _date(summary.latest),
        "quantile_rows": summary.drawn,
        "features": summary.features,
        "dataset": replace(known, cost=Cost()).to_json(),  # which a change of costs must not concern
        "cost_columns": list(known.cost.columns),
    }


def _time(df: DataFrame, time: str | None) -> Column | None:
    """Return the time in microseconds; None for numbers, which are not dates."""
    return None if time is None or isinstance(dtype(df, time), T.NumericType) else time_position(df, time, 0)


def _date(microseconds: int) -> str | None:
    try:
        return datetime.fromtimestamp(microseconds // 1_000_000, UTC).isoformat()
    except (ValueError, OverflowError, OSError):  # a placeholder for "never", beyond the year 9999
        return None


def _warn_repeated(key: Sequence[str], keys: int, rows: int, warn: Callable[[str], None]) -> None:
    if keys:
        warn(
            f"data.key ({', '.join(key)}) is not unique: {keys:,} of its values occur in more than one row ({rows:,} "
            "rows in total); a stratified split keeps rows of one key and class together"
        )


def _warn_light(weight: str, largest: float, warn: Callable[[str], None]) -> None:
    if largest < _LIGHT:
        warn(
            f"weights are at most {largest:.3g} (column {weight!r}): XGBoost counts weight as rows (min_child_weight, "
            "reg_lambda), and learns next to nothing from so few; multiply them, so that they are about 1 on average"
        )


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
    rows, copied = reading.df, reading.pin is None or ctx.config.data.snapshot
    if reading.pin is not None and not copied and in_small_files(reading.pin):
        files = [f[1] for f in reading.pin.files]
        ctx.warn(f"the table is in {len(files):,} small files; it is copied into the run to be read faster")
        rows, copied = rows.coalesce(max(sum(files) // _FILE_BYTES, _FEWEST_FILES)), True
    if reading.pin is not None and not copied:
        return reading.df, {"snapshot": None, "pin": reading.pin.to_json()}
    path = f"{folder}/snapshot"
    write_parquet(rows, ctx.run.uri(path))
    copy = read(ctx.spark, Source("parquet", (ctx.run.uri(path),)))
    if copy.pin is None:  # it is made of files
        raise AssertionError(path)
    return copy.df, {"snapshot": path, "pin": copy.pin.to_json()}


def in_small_files(pin: Pin) -> bool:
    """Return whether to open the files takes longer than to read them: many, and of less than 128 KiB on average."""
    return len(pin.files) > _MANY_FILES and sum(f[1] for f in pin.files) < _SMALL_BYTES * len(pin.files)


def _quarantine(df: DataFrame, ctx: Context, folder: str, nulls: int) -> int:
    """Write rows without a label to the quarantine if it is configured."""
    if ctx.config.data.on_null_label != "quarantine" or not nulls:
        return 0
    unlabelled = df.where(class_text(df, ctx.config.data.label).isNull())
    write_parquet(unlabelled, ctx.run.uri(f"{folder}/quarantine"))
    ctx.warn(f"{nulls:,} rows without a label were moved to {folder}/quarantine")
    return nulls
