"""Rows of another domain that join the training rows, weighted by a domain classifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.classifier import DrawnRows, draw_rows, most_rows, rows_before
from steelyard.columns import class_text, col, dtype, internal, of_class, require_columns, unused_name
from steelyard.config import PipelineConfig, TransferConfig, resolve_env
from steelyard.dataset import Cost, Dataset
from steelyard.distortion import Distortion
from steelyard.errors import InputError
from steelyard.frames.caching import cached
from steelyard.frames.reading import read
from steelyard.frames.tables import write_parquet
from steelyard.hashing import encode
from steelyard.kernels.importance import effective_size
from steelyard.learning import TrainingRows
from steelyard.metrics import check_amounts
from steelyard.sampling import IS_SYNTHETIC
from steelyard.splitting import SPLIT, FoldPlan, fold_rows
from steelyard.stages._context import Context, ignore_warning
from steelyard.stages._source import configured_source, dataset, rows_of, source, split_rows
from steelyard.stages._transfer_times import known_at_training, ordering
from steelyard.weighting import total_weights

RATIO = internal("importance")


def weighted_source(ctx: Context, how: TransferConfig, path: str) -> tuple[DataFrame, dict[str, Any]]:
    """Write the rows of the source that are kept, with their importance; return them, and facts.

    Costs a scan of the source, a join with the keys of validation and test, a stage of small models, and one more scan
    of the rows that are kept; where the split is by time, two narrow scans more.
    """
    from steelyard.learning.domain import fit_domain_classifier

    data = dataset(ctx)
    every, later = known_at_training(ctx, read_source(ctx.spark, ctx.config, how, data, source(ctx).schema, ctx.warn))
    with cached(unseen(ctx, every, data, "validation", "test")) as rows:
        before, counts = _counted(every, data), _counted(rows, data)
        _check_labels(counts, data)
        check_source_amounts(rows, data, costs=ctx.config.train.cost_weights)
        target = ctx.read("split", "plan.json")["counts"]["train"]
        train, seed = rows_of(ctx, "train"), ctx.config.train.seed
        found = fit_domain_classifier(train, rows, data, target, counts, seed=seed)
        write_parquet(rows.withColumn(RATIO, found.weights(rows, how.clip)), ctx.run.uri(path))
    written = ctx.written(path)
    kept = sum(counts.values())
    facts: dict[str, Any] = {"rows": kept, "dropped": sum(before.values()) - kept, "clip": how.clip}
    if later is not None:
        facts["later"] = later
    if found.left_out:
        facts["left_out"] = list(found.left_out)
    rows = written.drop(*_extra_time(ctx.config, data))
    return rows, {**facts, "classes": _summary(rows, data, how.clip, found.auc)}


def read_source(
    spark: SparkSession,
    config: PipelineConfig,
    how: TransferConfig,
    data: Dataset,
    table: T.StructType,
    warn: Callable[[str], None] = ignore_warning,
) -> DataFrame:
    """Return the columns of the source that training reads, with the types of the table; no rows without a label.

    Where the table is split by time, the time is among them if the source has it, with its own type.

    Nothing is scanned, except CSV and JSON for their types.

    Raises
    ------
    InputError
        If there is no such source, if it lacks a column, or has one of another type.
    """
    like = {f.name: f.dataType for f in table.fields}
    paths = () if how.source is None else (resolve_env(how.source),)
    where = replace(configured_source(config.data), paths=paths, table=how.table)
    if config.data.path is None or how.table is not None:  # format and options are not those of these files
        where = replace(where, format=None, options={}, schema=None)
    try:
        reading = read(spark, where, like)
    except InputError as error:
        raise InputError(f"train.transfer: {error}") from None
    for note in reading.notes:
        warn(f"train.transfer: {note}")
    names = _names(config, data)
    times = [name for name in _extra_time(config, data) if name in reading.df.columns]
    require_columns(reading.df, names, f"train.transfer.{'source' if how.table is None else 'table'} column")
    rows = reading.df.select(*[_typed(reading.df, n, like[n]).alias(n) for n in names], *map(col, times))
    return rows.where(class_text(rows, data.label).isNotNull())


def _names(config: PipelineConfig, data: Dataset) -> list[str]:
    """Return the columns that training reads of a source."""
    costs = data.cost.columns if config.train.cost_weights else ()
    others = [data.label, *data.features, *data.identity, data.group, data.weight, *costs]
    return list(dict.fromkeys(n for n in others if n is not None))


def _extra_time(config: PipelineConfig, data: Dataset) -> list[str]:
    """Return the time that orders the rows, if nothing else of training reads it; its type may be another one."""
    time = ordering(config)
    return [] if time is None or time in _names(config, data) else [time]


def _typed(df: DataFrame, name: str, kind: T.DataType) -> Column:
    """Return a column with the type of the table's; text and numbers are not converted into each other."""
    own = dtype(df, name)
    if own == kind:
        return col(name)
    if not (isinstance(own, T.NumericType) and isinstance(kind, T.NumericType)):
        raise InputError(
            f"train.transfer: column {name!r} of the source is {own.simpleString()}, in the table {kind.simpleString()}"
        )
    return _whole(name, own, kind) if isinstance(kind, T.IntegralType) else col(name).cast(kind)


def _whole(name: str, own: T.DataType, kind: T.DataType) -> Column:
    """Return a number as a whole one; NaN is missing. A fraction, and a number out of range, is an error."""
    value = F.nanvl(col(name), F.lit(None)) if isinstance(own, T.DoubleType | T.FloatType) else col(name)
    made = value.try_cast(kind)
    text = f"train.transfer: column {name!r} is {kind.simpleString()} in the table; the source has values such as "
    other = value.isNotNull() & (made.isNull() | (made.cast(own) != value))
    fault = F.raise_error(F.concat(F.lit(text), value.cast("string")))
    return F.when(other, fault.cast(kind)).otherwise(made)


def unseen(ctx: Context, rows: DataFrame, data: Dataset, *splits: str) -> DataFrame:
    """Return the rows whose key, and group where there are groups, is in no row of some splits of the table."""
    return _strangers(rows, split_rows(ctx).where(F.col(SPLIT).isin(*splits)), data)


def _strangers(rows: DataFrame, held: DataFrame, data: Dataset) -> DataFrame:
    """Return the rows whose key, and group where there are groups, is in no row of `held`."""
    for names in (data.identity, (data.group,) if data.group is not None else ()):
        rows = _without(rows, held, names) if names else rows
    return rows


def _without(rows: DataFrame, held: DataFrame, names: Sequence[str]) -> DataFrame:
    """Return the rows that agree with no row of `held` in some columns; null agrees with null."""
    ours, theirs = encode(rows, names), encode(held, names)
    mine = [internal(f"mine_{i}") for i in range(len(ours))]
    other = [internal(f"held_{i}") for i in range(len(ours))]
    known = held.select(*[c.alias(n) for n, c in zip(other, theirs, strict=True)])
    named = rows.select("*", *[c.alias(n) for n, c in zip(mine, ours, strict=True)])
    same = reduce(Column.__and__, [F.col(a).eqNullSafe(F.col(b)) for a, b in zip(mine, other, strict=True)])
    return named.join(known, same, "left_anti").drop(*mine)


def _counted(rows: DataFrame, data: Dataset) -> dict[str, int]:
    counts = rows.groupBy(class_text(rows, data.label).alias("class")).count().limit(10_000).collect()
    return {row["class"]: row["count"] for row in counts}


def _check_labels(counts: Mapping[str, int], data: Dataset) -> None:
    other = sorted(set(counts) - set(data.classes))
    if other:
        raise InputError(
            f"the source of train.transfer has labels that the table has not: {', '.join(map(repr, other[:20]))}"
        )
    if not counts:
        raise InputError(
            "the source of train.transfer has no row left: all are among the validation and test rows, or later than "
            "the training rows"
        )


def check_source_amounts(rows: DataFrame, data: Dataset, *, costs: bool) -> None:
    """Raise `InputError` for row weights of the source that cannot be used, and for such costs if they weigh rows."""
    try:
        check_amounts(rows, data if costs else replace(data, cost=Cost()))
    except InputError as error:
        raise InputError(f"the source of train.transfer: {error}") from None


def _summary(rows: DataFrame, data: Dataset, clip: float, auc: Mapping[str, float]) -> dict[str, Any]:
    """Return rows, total weight, effective size and clipped share of each class."""
    ratio = F.col(RATIO)
    # In decimals: their sum does not depend on the order of rows.
    sums = [F.sum(c.cast("decimal(30,10)")).cast("double").alias(n) for n, c in (("w", ratio), ("w2", ratio * ratio))]
    clipped = F.count_if((ratio <= F.lit(1.0 / clip)) | (ratio >= F.lit(clip))).alias("clipped")
    groups = rows.groupBy(class_text(rows, data.label).alias("class"))
    found = {row["class"]: row for row in groups.agg(F.count(F.lit(1)).alias("n"), *sums, clipped).collect()}
    return {
        c: {
            "rows": found[c]["n"],
            "weight": found[c]["w"],
            "effective_rows": effective_size(found[c]["w"], found[c]["w2"]),
            "clipped": found[c]["clipped"] / found[c]["n"],
            "domain_auc": auc.get(c),
        }
        for c in data.classes
        if c in found
    }


def joined(training: TrainingRows, rows: DataFrame, data: Dataset, weight: str | None) -> TrainingRows:
    """Return training rows with those of the source after them; their class prior is not that of the target.

    Parameters
    ----------
    training : TrainingRows
    rows : DataFrame
        Of the source, with their importance.
    data : Dataset
    weight : str, optional
        A column of the source's own weights.
    """
    name = unused_name("transfer_weight", training.rows.columns)
    own = training.weight or data.weight
    target = training.rows.withColumn(name, col(own).cast("double") if own else F.lit(1.0))
    given = col(weight).cast("double") if weight else F.lit(1.0)
    added = rows.withColumns({name: given * F.col(RATIO), IS_SYNTHETIC: F.lit(False)}).drop(RATIO)
    if training.offset is not None:
        added = added.withColumn(training.offset, F.lit(0.0))  # no sampling has left any of them out
    both = target.unionByName(added, allowMissingColumns=True)
    prior = training.distortion.then(Distortion(exact=False))
    return replace(training, rows=both, counts={}, weight=name, distortion=prior, chosen=None)


def source_share(both: TrainingRows, rows: DataFrame, data: Dataset) -> float:
    """Return the source's share of the weight of all training rows, which `joined` has made. Costs two narrow scans."""
    own = F.lit(1.0) if data.weight is None else col(data.weight).cast("double")
    weighted = rows.withColumn(RATIO, own * F.col(RATIO))
    source, every = (
        sum(total_weights(df, data.label, str(name)).values())
        for df, name in ((weighted, RATIO), (both.rows, both.weight))
    )
    return source / every


def joined_in_folds(
    ctx: Context, how: TransferConfig, path: str, drawn: DrawnRows, plan: FoldPlan
) -> Callable[[int, TrainingRows], TrainingRows]:
    """Return what the model of each fold is trained on: its rows, and those of the source that it may know.

    Source rows whose key or group is in the fold's unseen rows are left out, and with forward chaining those that are
    later than the fold's training rows. The fold has domain classifiers of its own. The source keeps its share of the
    weight, or has less where few of its rows are early enough. It is reduced as the training rows are, since a task
    holds both.
    """
    from steelyard.learning.domain import fit_domain_classifier

    data, seed = dataset(ctx), ctx.config.train.seed
    every = ctx.written(path).drop(RATIO)
    most = most_rows(len(data.features))
    every_counts = _counted(every, data)
    source = draw_rows(every, data, every_counts, most, seed=ctx.config.split.seed)
    total = {c: sum(of[c] for of in plan.counts.values()) for c in data.classes}
    in_time = plan.method == "temporal" and plan.time in every.columns

    def change(fold: int, training: TrainingRows) -> TrainingRows:
        own, held = fold_rows(drawn.rows, plan, fold)
        rows, trained = _strangers(source.rows, held, data), rows_before(plan, fold)
        rows = fold_rows(rows, plan, fold)[0] if in_time else rows
        target = {c: round(n * drawn.rates.get(c, 1.0)) for c, n in trained.items()}
        counts = _counted(rows, data)
        found = fit_domain_classifier(own, rows, data, target, counts, seed=seed)
        shares = {c: trained[c] / n for c, n in total.items() if n}
        if in_time:  # rows are fewer already
            rates = {c: counts.get(c, 0) / (n * source.rates[c]) for c, n in every_counts.items()}
            shares = {c: min(share / rates[c], 1.0) if rates.get(c) else share for c, share in shares.items()}
        share = of_class(rows, data.label, shares, "double")
        weighted = rows.withColumn(RATIO, found.weights(rows, how.clip) * share).drop(*_extra_time(ctx.config, data))
        return joined(training, weighted, data, source.weight or data.weight)

    return change
