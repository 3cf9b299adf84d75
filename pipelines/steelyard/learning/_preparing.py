"""Prepare training data: class totals, fitted preprocessing, rows in a deterministic order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import check_names, class_code, class_text, col, require_columns
from steelyard.dataset import Dataset
from steelyard.distortion import Distortion
from steelyard.errors import InputError
from steelyard.learning._fitting import fit_preprocessing
from steelyard.learning._preprocessing import Preprocessing
from steelyard.learning._workers import workers_for
from steelyard.learning.base import LIMITS, Trainer
from steelyard.learning.training_data import Chosen, Part, TrainingData, TrainingRows
from steelyard.weighting import class_weights, weight_column, weight_distortion

_TOO_HEAVY = 1e16
"""Weights are added in decimals of 28 digits, 12 of them after the point."""


def prepare(
    trainer: Trainer,
    training: TrainingRows,
    validation: DataFrame,
    dataset: Dataset,
    original_train: DataFrame,
    *,
    fitted: Preprocessing | None = None,
    validation_rows: int | None = None,
) -> tuple[int, TrainingData, Distortion]:
    """Return the number of training rows, the training data, and the distortion by weights; see `Trainer.fit`."""
    train, start = training.rows, training.start
    for df in (train, validation, original_train):
        check_names(df.columns)
    offset = None if training.offset is None else Offset(training.offset, training.distortion.rates)
    weighted = replace(dataset, weight=training.weight or dataset.weight)
    totals, judging = _known_totals(trainer, training.counts, weighted, validation_rows) or _class_totals(
        train, weighted, validation if trainer.needs_validation else None
    )
    trained = tuple(c for c in dataset.classes if c in totals)
    if len(trained) < 2:
        raise InputError(f"the training rows have a single class, {trained[0]!r}; a model needs two")
    if weightless := [c for c in trained if not totals[c].weight > 0]:
        raise InputError(
            f"the weights {weighted.weight!r} of the training rows of class {weightless[0]!r} sum to 0; a model needs "
            "rows of each class with a weight"
        )
    if start is not None and start.trained_classes != trained:
        raise InputError(f"start was trained on the classes {list(start.trained_classes)}, not on {list(trained)}")
    fitted = start.preprocessing if start is not None else fitted
    if fitted is None:
        fitted = fit_preprocessing(original_train, dataset, **preprocessing_settings(trainer))
    sizes = {c: of.weight / (offset.rates.get(c, 1.0) if offset else 1.0) for c, of in totals.items()}
    weights = class_weights(sizes, trainer.class_weight)
    columns = _columns(trainer, train, weighted, fitted, weights, offset)
    parts = [Part(training.chosen or Chosen(train, F.lit(True)), columns)]
    rows, judges = _selected(train, columns), None
    if trainer.needs_validation:
        of_judges = _columns(trainer, validation, dataset, fitted, dict.fromkeys(trained, 1.0))
        of_judges |= {"offset": F.lit(0.0)} if "offset" in columns else {}
        parts.append(Part(Chosen(validation, F.lit(True)), of_judges))
        judges = _selected(validation, of_judges)
    count = sum(of.rows for of in totals.values())
    workers = trainer.num_workers or workers_for(count + judging, len(fitted.names))
    masses = tuple(sizes[c] * weights[c] for c in trained)
    of_sizes = tuple(sizes[c] for c in trained)
    data = TrainingData(rows, judges, fitted, dataset.classes, trained, workers, of_sizes, masses, parts=tuple(parts))
    return count, data, weight_distortion(weights)


def preprocessing_settings(trainer: Trainer) -> dict[str, Any]:
    """Return the settings of the preprocessing that a trainer needs."""
    flags = {"impute": trainer.impute, "standardise": trainer.standardise, "codes": trainer.codes}
    return {**flags, "limit": LIMITS[trainer.dtype], "seed": trainer.seed}


def _columns(
    trainer: Trainer,
    df: DataFrame,
    dataset: Dataset,
    preprocessing: Preprocessing,
    weights: Mapping[str, float],
    offset: Offset | None = None,
) -> dict[str, Column]:
    """Return the columns of `TrainingData.rows`; rows of classes without a weight have no label."""
    label = class_code(df, dataset.label, list(weights)).cast("double")
    weight = weight_column(df, dataset.label, weights, existing=dataset.weight)
    more = {}
    if offset is not None and trainer.takes_offsets:
        sign = -1.0 if offset.rates.get(list(weights)[-1], 1.0) < 1 else 1.0
        more["offset"] = col(offset.column).cast("double") * F.lit(sign)
    elif offset is not None:
        sampled = class_text(df, dataset.label).isin([c for c, rate in offset.rates.items() if rate < 1])
        weight = weight * F.when(sampled, F.exp(col(offset.column).cast("double"))).otherwise(1.0)
    features = preprocessing.array(df)
    if trainer.dtype == "float32":
        features = features.cast("array<float>")
    return {"features": features, "label": label, "weight": weight, **more}


def _selected(df: DataFrame, columns: Mapping[str, Column]) -> DataFrame:
    """Return columns of the rows that have a label."""
    return df.select(*[c.alias(name) for name, c in columns.items()]).where(F.col("label").isNotNull())


def repartition_by_content(rows: DataFrame, partitions: int) -> DataFrame:
    """Distribute and sort rows by their content, so that training data is the same under any partitioning.

    Rows that agree in all columns are interchangeable, so no key is needed: synthetic rows have none.
    """
    spread = rows.withColumn("place", content_place(rows)).repartition(partitions, "place")
    others = [c for c in rows.columns if c != "features"]
    return spread.sortWithinPartitions("place", *others, "features").drop("place")


def content_place(rows: DataFrame) -> Column:
    """Return the hash of a row's content, by which `repartition_by_content` orders rows."""
    return F.xxhash64(*rows.columns)


class Offset(NamedTuple):
    """The column of the training rows' offsets, and the share of each class's rows that sampling kept."""

    column: str
    rates: Mapping[str, float]


class _ClassTotal(NamedTuple):
    rows: int
    weight: float


def _known_totals(
    trainer: Trainer, counts: Mapping[str, int], dataset: Dataset, validation_rows: int | None
) -> tuple[dict[str, _ClassTotal], int] | None:
    """Return what `_class_totals` does, where the rows need not be counted for it; else None."""
    judged = trainer.needs_validation and trainer.num_workers is None
    if dataset.weight is not None or not sum(counts.values()) or (judged and validation_rows is None):
        return None
    totals = {c: _ClassTotal(counts[c], float(counts[c])) for c in dataset.classes if counts.get(c)}
    return totals, (validation_rows or 0) if judged else 0


def _class_totals(df: DataFrame, dataset: Dataset, validation: DataFrame | None) -> tuple[dict[str, _ClassTotal], int]:
    """Return rows and total weight (1 each without weights) of each class that has rows, in the order of classes.

    And the number of validation rows, 0 without them: one aggregation counts both.
    """
    if dataset.weight is not None:
        require_columns(df, [dataset.weight], "weight")
    weight = F.lit(1.0) if dataset.weight is None else col(dataset.weight).cast("double")
    bad = weight.isNull() | F.isnan(weight) | (weight < 0) | (weight >= _TOO_HEAVY)
    # In decimals: their sum doesn't depend on the order of rows, as one of floats does.
    total = weight.try_cast("decimal(28,12)")
    rows = df.select(
        F.lit(True).alias("learned"),
        class_text(df, dataset.label).alias("class"),
        bad.alias("bad"),
        total.alias("total"),
    )
    if validation is not None:
        nothing = F.lit(None).cast("decimal(28,12)")
        rows = rows.unionByName(
            validation.select(
                F.lit(False).alias("learned"),
                F.lit("").alias("class"),
                F.lit(False).alias("bad"),
                nothing.alias("total"),
            )
        )
    groups = rows.groupBy("learned", "class").agg(
        F.count(F.lit(1)).alias("n"), F.count_if("bad").alias("bad"), F.sum("total").alias("total")
    )
    counted = groups.limit(len(dataset.classes) + 1000).collect()
    found = {row["class"]: row for row in counted if row["learned"]}
    for name, row in found.items():
        if name not in dataset.classes:
            what = "no label" if name is None else f"label {name!r}, which is none of {', '.join(dataset.classes)}"
            raise InputError(f"{row['n']:,} training rows have {what}")
        if row["bad"]:
            raise InputError(
                f"weight {dataset.weight!r} is missing, negative or not below {_TOO_HEAVY:g} in {row['bad']:,} "
                f"training rows of class {name!r}"
            )
    if not found:
        raise InputError("there are no training rows")
    totals = {c: _ClassTotal(found[c]["n"], float(found[c]["total"] or 0)) for c in dataset.classes if c in found}
    return totals, sum(row["n"] for row in counted if not row["learned"])
