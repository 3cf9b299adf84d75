"""The table of a run: read once and pinned by `profile`, read through the pin by all other stages."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import check_free, check_names, class_text, dtype, is_vector, require_columns
from steelyard.config import DataConfig, resolve_env
from steelyard.dataset import Cost, Dataset
from steelyard.errors import InputError
from steelyard.frames.reading import Pin, Source, check_time_zone, check_unchanged, read_pinned
from steelyard.sampling import IS_SYNTHETIC, SamplingPlan, apply_plan, check_flag
from steelyard.sampling.domain import check_domain
from steelyard.splitting import SPLIT, SplitPlan, apply_split
from steelyard.stages._context import Context, ignore_warning

_PANDAS_INDEX = re.compile(r"__index_level_\d+__")
_SHOWN = 20
_FEW_VALUES = (T.StringType, T.BooleanType, T.IntegralType, T.DateType)
SLICES = "slices"  # column of a table of scores: the values of data.slices


def configured_source(config: DataConfig) -> Source:
    """Return the place of the table, with secrets resolved."""
    paths = [config.path] if isinstance(config.path, str) else config.path or []
    options = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in resolve_env(config.options).items()}
    return Source(
        config.format,
        tuple(resolve_env(paths)),
        config.table,
        options,
        config.schema_,
        config.where,
        tuple(config.missing),
    )


def input_changed(ctx: Context) -> str | None:
    """Return how the pinned input files have changed, or None."""
    document = ctx.read("profile", "input.json")
    if document["snapshot"] is not None:
        return None
    try:
        check_unchanged(ctx.spark, configured_source(ctx.config.data), _pin(ctx, document))
    except InputError as error:
        return str(error).partition(";")[0]
    return None


def roles(
    df: DataFrame,
    config: DataConfig,
    *,
    bare: bool = False,
    any_type: bool = False,
    warn: Callable[[str], None] = ignore_warning,
) -> Dataset:
    """Return the roles of the columns, before the classes are known.

    Parameters
    ----------
    df : DataFrame
    config : DataConfig
    bare : bool, default False
        Whether a command on a table calls: it leaves out columns of a type that no model accepts, with a note. A
        pipeline refuses them.
    any_type : bool, default False
        Whether nothing reads the features, so that they may have any type.
    warn : callable
        Takes notes.

    Raises
    ------
    InputError
        For names that are refused (see `check_names`), a column that is missing, features of a type that no model
        takes, a domain that columns cannot have, and an `is_synthetic` that is not boolean.
    """
    check_names(df.columns)
    named = {
        "label": [config.label],
        "key": config.key,
        "exclude": config.exclude,
        "categorical": config.categorical,
        "group": [config.group] if config.group else [],
        "time": [config.time] if config.time else [],
        "weight": [config.weight] if config.weight else [],
        "cost": [c for c in (config.cost.false_negative, config.cost.false_positive) if isinstance(c, str)],
    }
    for role, names in named.items():
        require_columns(df, names, f"data.{role}")
    check_slices(df, config.slices, config.key)
    check_flag(df, {f"data.{role}": names for role, names in named.items() if role != "exclude"})
    out = {config.label, *config.key, *config.exclude, config.group, config.time, config.weight, IS_SYNTHETIC}
    candidates = [c for c in df.columns if c not in out]
    if not candidates:
        raise InputError("no feature is left: every column is the label, a key, a group, a time, a weight or excluded")
    features = tuple(candidates) if any_type else _features(df, candidates, config, bare=bare, warn=warn)
    categorical = tuple(f for f in features if f in config.categorical or _is_category(dtype(df, f)))
    check_domain(df, config.domains, features, categorical, key="data.domain")
    return Dataset(
        label=config.label,
        features=features,
        categorical=categorical,
        key=tuple(config.key),
        content=tuple(c for c in df.columns if c != config.label),
        group=config.group,
        time=config.time,
        weight=config.weight,
        cost=Cost(config.cost.false_negative, config.cost.false_positive),
        domain=config.domains,
    )


def check_slices(df: DataFrame, names: Sequence[str], key: Sequence[str]) -> None:
    """Refuse columns that the table lacks, or whose type has no few values.

    Raises
    ------
    InputError
    """
    for name in names:
        kind = dtype(df, name, "data.slices column")
        if not isinstance(kind, _FEW_VALUES):
            raise InputError(
                f"data.slices: column {name!r} is {kind.simpleString()}; slices are made of strings, booleans, whole "
                "numbers and dates. Cut it into ranges in the table first"
            )
    if names:
        check_free(key, [SLICES], "the table of scores")


def _features(
    df: DataFrame, candidates: list[str], config: DataConfig, *, bare: bool, warn: Callable[[str], None]
) -> tuple[str, ...]:
    """Return the features among the columns without another role."""
    index = [c for c in candidates if _PANDAS_INDEX.fullmatch(c) and c not in config.categorical]
    if index:
        warn(f"column {index[0]!r} is the row index of pandas, not a feature; to_parquet(…, index=False) leaves it out")
    others = [c for c in candidates if c not in index]
    odd = [c for c in others if not _is_feature(df, c)]
    if odd:
        shown = ", ".join(f"{c!r} ({dtype(df, c).simpleString()})" for c in odd[:_SHOWN])
        shown += f" and {len(odd) - _SHOWN} more" if len(odd) > _SHOWN else ""
        if not bare:
            raise InputError(
                f"no model takes columns of these types: {shown}. Leave them out with data.exclude: "
                f"[{', '.join(odd)}], or make numbers of them first"
            )
        warn(f"no model takes columns of these types, so they are left out: {shown}")
    features = tuple(c for c in others if c not in odd)
    if not features:
        raise InputError("no feature is left: no column without another role has a type that models take")
    return features


def _is_category(kind: T.DataType) -> bool:
    return isinstance(kind, T.StringType | T.BooleanType)


def _is_feature(df: DataFrame, name: str) -> bool:
    kind = dtype(df, name)
    numbers = isinstance(kind, T.ArrayType) and isinstance(kind.elementType, T.NumericType)
    return isinstance(kind, T.NumericType | T.StringType | T.BooleanType) or numbers or is_vector(df, name)


def source(ctx: Context) -> DataFrame:
    """Return the rows of the run: the pinned input, without null labels if these are dropped or quarantined.

    A snapshot is read from the current place of the run directory, so a moved or copied run keeps its input. The files
    are compared with the pin once in a stage.
    """
    return ctx.once("source", lambda: _source(ctx))


def _source(ctx: Context) -> DataFrame:
    document = ctx.read("profile", "input.json")
    pinned = _pin(ctx, document)
    if document["snapshot"] is not None:
        check_time_zone(ctx.spark, pinned)
        df = ctx.table("profile", document["snapshot"])
    else:
        df = read_pinned(ctx.spark, configured_source(ctx.config.data), pinned)
    if ctx.config.data.on_null_label != "error":
        df = df.where(class_text(df, ctx.config.data.label).isNotNull())
    return df


def _pin(ctx: Context, document: dict[str, Any]) -> Pin:
    """Return the pin in `input.json`, where files are named by the placeholders of the configuration."""
    files = document["pin"]["files"]
    by_placeholder = "${env:" in str(ctx.config.data.path)
    return Pin.from_json({**document["pin"], "files": resolve_env(files) if by_placeholder else files})


def dataset(ctx: Context) -> Dataset:
    """Return the roles of the columns, classes included, as `profile` found them; costs and rates as they are now."""
    found = Dataset.from_json(ctx.read("profile", "stats.json")["dataset"])
    cost = Cost.of(ctx.config.data.cost).above_right(found.classes, found.positive)
    return replace(found, cost=cost, sampling_rate=ctx.config.data.sampling_rate)


def stats(ctx: Context) -> dict[str, Any]:
    """Return what `profile` has measured."""
    document: dict[str, Any] = ctx.read("profile", "stats.json")
    return document


def split_rows(ctx: Context) -> DataFrame:
    """Return all rows with the column `SPLIT`."""
    plan = SplitPlan.from_json(ctx.read("split", "plan.json"))
    return apply_split(source(ctx), plan)


def rows_of(ctx: Context, split: str) -> DataFrame:
    """Return the original rows of one split."""
    rows = split_rows(ctx)
    return rows.where(F.col(SPLIT) == split).drop(SPLIT)


def sampling_plan(ctx: Context) -> SamplingPlan:
    """Return what `resample` has planned."""
    return SamplingPlan.from_json(ctx.read("resample", "plan.json"))


def training_rows(ctx: Context) -> DataFrame:
    """Return the training rows as `resample` left them, with `is_synthetic`."""
    return apply_plan(rows_of(ctx, "train"), sampling_plan(ctx), **resampled_tables(ctx))


def resampled_tables(ctx: Context) -> dict[str, DataFrame]:
    """Return the tables that come with the plan of `resample`: `synthetic`, `dropped` and `kept`, if there are any."""
    made = ctx.published("resample")
    folders = {name: f"resample/{made.attempt}/{name}" for name in ("synthetic", "dropped", "kept")}
    held = {name: folder for name, folder in folders.items() if made.has(folder)}
    return {name: ctx.once(folder, partial(ctx.table, "resample", folder)) for name, folder in held.items()}
