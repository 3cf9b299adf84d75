"""What all trainers share: class weights, the fitted preprocessing, and rows in an order of their own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.columns import check_names, class_code, class_text, col, require_columns
from steelyard.dataset import Dataset
from steelyard.distortion import Distortion
from steelyard.errors import InputError
from steelyard.learning._failures import explained
from steelyard.learning._features import Preprocessing
from steelyard.learning._fitting import fit_preprocessing
from steelyard.weighting import class_weights, weight_column, weight_distortion

if TYPE_CHECKING:
    from steelyard.learning._model import Model


class Trainer(ABC):
    """Base of the trainers; `get_trainer` makes one.

    Parameters
    ----------
    params : mapping
        Resolved, with defaults.
    class_weight : {"none", "balanced"} or mapping of str to float
    num_workers : int
    seed : int
    """

    name: ClassVar[str]
    scaled: ClassVar[bool]

    def __init__(
        self, params: Mapping[str, Any], class_weight: str | Mapping[str, float], num_workers: int, seed: int
    ) -> None:
        self.params = dict(params)
        self.class_weight = class_weight if isinstance(class_weight, str) else dict(class_weight)
        self.num_workers, self.seed = num_workers, seed

    @property
    def settings(self) -> dict[str, Any]:
        """What was asked for, as JSON types."""
        return {
            "params": self.params,
            "class_weight": self.class_weight,
            "num_workers": self.num_workers,
            "seed": self.seed,
        }

    def fit(
        self,
        train: DataFrame,
        validation: DataFrame,
        dataset: Dataset,
        *,
        original_train: DataFrame,
        train_weight: str | None = None,
        sampled: Distortion | None = None,
    ) -> Model:
        """Learn from `train`.

        Parameters
        ----------
        train : DataFrame
            Training rows as they were resampled. Must be stable: it is read more than once.
        validation : DataFrame
            Never resampled. Read only by trainers that stop early by it, with the weights of `dataset.weight` where it
            has that column, and without class weights.
        dataset : Dataset
        original_train : DataFrame
            Training rows before resampling, on which encoders, medians and scales are fitted.
        train_weight : str, optional
            Column of the training rows' weights where it isn't `dataset.weight`: a sampler may have emitted it.
        sampled : Distortion, optional
            How resampling changed the class prior of `train`; default: not at all.

        Raises
        ------
        InputError
            For features that can't be used (see `fit_preprocessing`), labels that are no class, weights that are
            missing or negative, or a single class.
        EngineError
            If the cluster can't run the training as asked.
        """
        for df in (train, validation, original_train):
            check_names(df.columns)
        learning = replace(dataset, weight=train_weight or dataset.weight)
        counts = _class_totals(train, learning)
        learned = tuple(c for c in dataset.classes if c in counts)
        if len(learned) < 2:
            raise InputError(f"the training rows hold one class only: {learned[0]!r}; there is nothing to tell apart")
        with explained():
            fitted = fit_preprocessing(original_train, dataset, scaled=self.scaled, seed=self.seed)
            weights = class_weights(counts, self.class_weight)
            rows = self._rows(train, learning, fitted, learned, weights)
            judges = None
            if self.params.get("early_stopping_rounds"):
                judges = self._rows(validation, dataset, fitted, learned, dict.fromkeys(learned, 1.0))
            model = self._fit(rows, judges, dataset, fitted, learned)
        distortion = (sampled or Distortion()).then(weight_distortion(weights)).then(self.loss_distortion(learned))
        return replace(model, distortion=distortion)

    def loss_distortion(self, learned: tuple[str, ...]) -> Distortion:
        """Return how the loss, its own weights included, changes the class prior."""
        return Distortion()

    @abstractmethod
    def _fit(
        self,
        rows: DataFrame,
        validation: DataFrame | None,
        dataset: Dataset,
        preprocessing: Preprocessing,
        learned: tuple[str, ...],
    ) -> Model:
        """Learn from rows of `features` (array of double), `label` (double: place in `learned`) and `weight`.

        There are validation rows, of the same columns, where training may stop early.
        """

    def _rows(
        self,
        df: DataFrame,
        dataset: Dataset,
        preprocessing: Preprocessing,
        learned: Sequence[str],
        weights: Mapping[str, float],
    ) -> DataFrame:
        """Return what a trainer sees. Classes that were not learned have no label and are left out."""
        label = class_code(df, dataset.label, learned).cast("double")
        weight = weight_column(df, dataset.label, weights, existing=dataset.weight)
        features = F.array(*preprocessing.columns(df))
        known = df.select(features.alias("features"), label.alias("label"), weight.alias("weight"))
        return known.where(F.col("label").isNotNull())


def in_own_order(rows: DataFrame, partitions: int) -> DataFrame:
    """Distribute and sort rows by what they hold alone: whatever their partitioning was, they are learned from alike.

    Rows that agree in all columns are interchangeable, so no key is needed, which synthetic rows wouldn't have.
    """
    place = F.xxhash64(*rows.columns)
    spread = rows.withColumn("place", place).repartition(partitions, "place")
    others = [c for c in rows.columns if c != "features"]
    return spread.sortWithinPartitions("place", *others, "features").drop("place")


def _class_totals(df: DataFrame, dataset: Dataset) -> dict[str, float]:
    """Return the total weight of each class that has any row (1 each without weights), in the order of the classes."""
    if dataset.weight is not None:
        require_columns(df, [dataset.weight], "weight")
    weight = F.lit(1.0) if dataset.weight is None else col(dataset.weight).cast("double")
    bad = F.count(F.when(weight.isNull() | F.isnan(weight) | (weight < 0), 1))
    groups = df.groupBy(class_text(df, dataset.label).alias("class")).agg(
        # In decimals: their sum doesn't depend on the order of rows, as one of floats does.
        F.count(F.lit(1)).alias("n"),
        bad.alias("bad"),
        F.sum(weight.try_cast("decimal(28,12)")).alias("total"),
    )
    found = {row["class"]: row for row in groups.limit(len(dataset.classes) + 1000).collect()}
    for name, row in found.items():
        if name not in dataset.classes:
            what = "no label" if name is None else f"label {name!r}, which is none of {', '.join(dataset.classes)}"
            raise InputError(f"{row['n']:,} training rows have {what}")
        if row["bad"]:
            raise InputError(
                f"weight {dataset.weight!r} is missing or negative in {row['bad']:,} training rows of class {name!r}"
            )
    if not found:
        raise InputError("there are no training rows")
    return {c: float(found[c]["total"] or 0) for c in dataset.classes if c in found}
