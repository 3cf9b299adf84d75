"""Transfer from another domain: its rows, weighted by a domain classifier, or a model to continue from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard.columns import class_text, col, dtype, internal, require_columns, unused_name
from steelyard.config import TrainConfig, TransferConfig, resolve_env
from steelyard.dataset import Dataset
from steelyard.distortion import Distortion
from steelyard.errors import InputError
from steelyard.frames.caching import cached
from steelyard.frames.reading import read
from steelyard.frames.tables import write_parquet
from steelyard.hashing import encode
from steelyard.kernels.importance import effective_size
from steelyard.learning import Model, Trainer, get_trainer
from steelyard.sampling import IS_SYNTHETIC
from steelyard.splitting import SPLIT
from steelyard.stages._context import Context, run_config
from steelyard.stages._model import trained_model
from steelyard.stages._source import configured_source, dataset, rows_of, source, split_rows
from steelyard.stages._training import Training
from steelyard.store import open_run

_RATIO = internal("importance")
_FOLDER = "source"
_APART = 0.99  # area under the ROC curve of a domain classifier
_SHOWN = 20


def start_of(how: TransferConfig) -> Model:
    """Return the model of the run that training continues from.

    Raises
    ------
    InputError
        If the source is not a run directory, or has no model.
    """
    try:
        return trained_model(open_run(resolve_env(how.place)))
    except InputError as error:
        raise InputError(f"train.transfer.source: {error}") from None


def check_start(how: TransferConfig, trainer: Trainer, data: Dataset) -> None:
    """Raise `InputError` where the source's model does not fit the table: other features, classes or loss."""
    with _named():
        trainer.check_start(start_of(how), data)


def check_start_model(wanted: TrainConfig) -> None:
    """Raise `InputError` if the source has no model, or one that training cannot continue; needs no Spark."""
    how = wanted.transfer
    if how is not None and not how.takes_rows:
        with _named():
            get_trainer(wanted.trainer, wanted.params, loss=wanted.loss).check_start_model(start_of(how))


def lower_rate(wanted: TrainConfig) -> TrainConfig:
    """Return the section with the learning rate at which a network is fine-tuned; other methods change nothing."""
    how = wanted.transfer
    if how is None or how.method != "fine_tune":
        return wanted
    rate = get_trainer(wanted.model, wanted.params).params["learning_rate"] * how.learning_rate_factor
    return wanted.model_copy(update={"params": {**wanted.params, "learning_rate": rate}})


@contextmanager
def _named() -> Iterator[None]:
    """Begin the message of an `InputError` with the section."""
    try:
        yield
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith("train.transfer") else f"train.transfer: {text}") from None


def transferred(
    ctx: Context, how: TransferConfig, training: Training, folder: str
) -> tuple[Training, dict[str, Any], list[str]]:
    """Return what is trained on with transfer, facts about it, and messages for the user.

    Rows of a source are written below `folder`, as they join the training rows.
    """
    facts = {"method": how.method, "source": ctx.hide(how.place)}
    if not how.takes_rows:
        _check_unseen(ctx, how)
        return replace(training, start=start_of(how)), facts, []
    rows, found = _weighted_source(ctx, how, f"{folder}/{_FOLDER}")
    joined = _joined(training, rows, dataset(ctx))
    facts |= found | {"share": _share(found["classes"], training.counts)}
    return joined, facts, _messages(facts)


def _check_unseen(ctx: Context, how: TransferConfig) -> None:
    """Raise `InputError` if the source's model was trained on rows that are in validation or test.

    Costs a join of the keys. A source whose table has changed or is gone cannot be checked, with a warning.
    """
    run, data = open_run(resolve_env(how.place)), dataset(ctx)
    try:
        rows = rows_of(Context(run, run_config(run), lambda: ctx.spark), "train")
        require_columns(rows, [*data.identity, *([data.group] if data.group else [])], "train.transfer.source")
    except InputError as error:
        ctx.warn(f"train.transfer.source: whether its model has seen validation or test rows is unknown: {error}")
        return
    seen = rows.count() - _unseen(ctx, rows, data).count()
    if seen:
        raise InputError(
            f"train.transfer.source: its model was trained on {seen:,} rows whose key is in validation or test, so "
            "metrics would be too good; split both by data.group or data.time, or train the source without them"
        )


def _weighted_source(ctx: Context, how: TransferConfig, path: str) -> tuple[DataFrame, dict[str, Any]]:
    """Write the rows of the source that are kept, with their importance; return them, and facts.

    Costs a scan of the source, a join with the keys of validation and test, a stage of small models, and one more scan
    of the rows that are kept.
    """
    from steelyard.learning.domain import fit_domain_classifier

    data = dataset(ctx)
    every = _read_source(ctx, how, data)
    with cached(_unseen(ctx, every, data)) as rows:
        before, counts = _counted(every, data), _counted(rows, data)
        _check_labels(counts, data)
        target = ctx.read("split", "plan.json")["counts"]["train"]
        train, seed = rows_of(ctx, "train"), ctx.config.train.seed
        found = fit_domain_classifier(train, rows, data, target, counts, seed=seed)
        write_parquet(rows.withColumn(_RATIO, found.weights(rows, how.clip)), ctx.run.uri(path))
    written = ctx.written(path)
    kept = sum(counts.values())
    facts: dict[str, Any] = {"rows": kept, "dropped": sum(before.values()) - kept, "clip": how.clip}
    if found.left_out:
        facts["left_out"] = list(found.left_out)
    return written, {**facts, "classes": _summary(written, data, how.clip, found.auc)}


def _read_source(ctx: Context, how: TransferConfig, data: Dataset) -> DataFrame:
    """Return the columns of the source that training reads, with the types of the table; no rows without a label."""
    config = ctx.config.data
    like = {f.name: f.dataType for f in source(ctx).schema.fields}
    paths = () if how.source is None else (resolve_env(how.source),)
    where = replace(configured_source(config), paths=paths, table=how.table)
    if config.path is None or how.table is not None:  # format and options are not those of these files
        where = replace(where, format=None, options={}, schema=None)
    reading = read(ctx.spark, where, like)
    for note in reading.notes:
        ctx.warn(f"train.transfer: {note}")
    costs = data.cost.columns if ctx.config.train.cost_weights else ()
    others = [data.label, *data.features, *data.identity, data.group, data.weight, *costs]
    names = list(dict.fromkeys(n for n in others if n is not None))
    require_columns(reading.df, names, "train.transfer")
    rows = reading.df.select(*[_typed(reading.df, n, like[n]).alias(n) for n in names])
    return rows.where(class_text(rows, data.label).isNotNull())


def _typed(df: DataFrame, name: str, kind: T.DataType) -> Column:
    """Return a column with the type of the table's; text and numbers are not converted into each other."""
    own = dtype(df, name)
    if own == kind:
        return col(name)
    if not (isinstance(own, T.NumericType) and isinstance(kind, T.NumericType)):
        raise InputError(
            f"train.transfer: column {name!r} of the source is {own.simpleString()}, in the table {kind.simpleString()}"
        )
    return col(name).cast(kind)


def _unseen(ctx: Context, rows: DataFrame, data: Dataset) -> DataFrame:
    """Return the rows whose key, and group where there are groups, is in no validation or test row."""
    held = split_rows(ctx).where(F.col(SPLIT).isin("validation", "test"))
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
        raise InputError("the source of train.transfer has no row that is not among the validation and test rows")


def _summary(rows: DataFrame, data: Dataset, clip: float, auc: Mapping[str, float]) -> dict[str, Any]:
    """Return rows, total weight, effective size and clipped share of each class."""
    ratio = F.col(_RATIO)
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


def _joined(training: Training, rows: DataFrame, data: Dataset) -> Training:
    """Return training rows with those of the source after them; their class prior is not that of the target."""
    name = unused_name("transfer_weight", training.rows.columns)
    own = training.weight or data.weight
    target = training.rows.withColumn(name, col(own).cast("double") if own else F.lit(1.0))
    given = col(data.weight).cast("double") if data.weight else F.lit(1.0)
    added = rows.withColumns({name: given * F.col(_RATIO), IS_SYNTHETIC: F.lit(False)}).drop(_RATIO)
    if training.offset is not None:
        added = added.withColumn(training.offset, F.lit(0.0))  # no sampling has left any of them out
    both = target.unionByName(added, allowMissingColumns=True)
    return replace(training, rows=both, weight=name, distortion=training.distortion.then(Distortion(exact=False)))


def _share(classes: Mapping[str, Any], counts: Mapping[str, int]) -> float:
    """Return the source's share of the weight in training."""
    weight = sum(of["weight"] for of in classes.values())
    return float(weight / (weight + sum(counts.values())))


def _messages(facts: Mapping[str, Any]) -> list[str]:
    head = f"{facts['rows']:,} rows of the source join the training rows, with {facts['share']:.1%} of the weight"
    if facts["dropped"]:
        head += f"; {facts['dropped']:,} are left out: their key is in validation or test"
    out = facts.get("left_out", [])
    if out:
        shown = ", ".join(out[:_SHOWN]) + (f" and {len(out) - _SHOWN} more" if len(out) > _SHOWN else "")
        head += f"; domain classifiers leave out columns of which source and table share no value: {shown}"
    return [head, *(_of_class(name, of) for name, of in facts["classes"].items())]


def _of_class(name: str, of: Mapping[str, Any]) -> str:
    text = (
        f"class {name}: {of['rows']:,} source rows weigh {of['weight']:,.0f} "
        f"(effective size {of['effective_rows']:,.0f}, {of['clipped']:.0%} clipped)"
    )
    known = of["domain_auc"]
    if known is None:
        return f"{text}; too few rows for a domain classifier"
    text += f", domain AUC {known:.3f}"
    return text + (": hardly any of them is like a row of the table" if known > _APART else "")
