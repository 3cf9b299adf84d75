"""The classifier as a Spark ML estimator and model."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic_core import PydanticSerializationError
from pyspark.ml import Estimator, Model
from pyspark.ml.functions import array_to_vector
from pyspark.ml.util import MLReadable, MLWritable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.classifier._arguments import ESTIMATOR, naming
from steelyard.classifier._classifier import Classifier
from steelyard.classifier._fit import fit_recipe
from steelyard.classifier._recipe import check_recipe
from steelyard.classifier._rows import classes_in_order, divided, with_features
from steelyard.columns import check_free, col
from steelyard.config import Recipe
from steelyard.dataset import Cost, Dataset
from steelyard.deciding import ENDS
from steelyard.errors import InputError
from steelyard.labels import class_name
from steelyard.params import (
    HasParameters,
    Parameter,
    ParamsReader,
    ParamsWriter,
    at_least_zero,
    column,
    columns,
    param,
    share,
    whole,
    wrong,
)
from steelyard.pipeline import without_drawn_folds
from steelyard.stats import class_counts

_ADDED = ("probability", "calibrated_probability", "prediction", "decision")


def _recipe(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping | Recipe):
        raise wrong(name, "a mapping with the sections resample, train and decide", value)
    checked = Recipe.of(value)
    check_recipe(checked)
    try:
        return checked.model_dump(mode="json", exclude_unset=True)
    except PydanticSerializationError as error:  # estimators are saved as JSON
        raise InputError(f"{name} must hold numbers, text, lists and maps only: {error}") from None


def _amount(name: str, value: object) -> str | float:
    return column(name, value) if isinstance(value, str) else at_least_zero(name, value)


def _class(name: str, value: object) -> str:
    return class_name(value)


class ClassifierEstimator(HasParameters, Estimator["ClassifierModel"], MLReadable["ClassifierEstimator"], MLWritable):
    """A Spark ML estimator that resamples, trains, calibrates and sets the threshold.

    It works in `pyspark.ml.Pipeline`, `CrossValidator` and `TrainValidationSplit`, with every trainer. Only training
    rows are resampled; validation rows, on which the threshold is set, are held out of the rows that `fit` is given.
    Give it rows that are not resampled: the sampler belongs into the recipe.

    `CrossValidator` does not tell an estimator which column is its ``foldCol``. Name that column in `exclude_col`, or
    it becomes a feature.

    Costs what `steelyard.classifier.fit` costs, and where rows are held out by hash one scan for the counts of the
    classes and two for the exact split.

    Raises
    ------
    ConfigError
        For an unknown key, sampler, trainer or parameter in the recipe.
    InputError
        When fitting, for columns that are missing or unusable, or have the name of a column that the model adds.

    Examples
    --------
    >>> estimator = ClassifierEstimator(
    ...     recipe={"resample": {"method": "random_under_sampler"}, "train": {"params": {"n_estimators": 5}}},
    ...     label_col="is_fraud", validation=0.3,
    ... )
    >>> estimator.fit(df).transform(df).select("prediction", "decision").distinct().count()
    2
    """

    holds_out_rows = True
    """`steelyard.pipeline.Pipeline` accepts no sampler before an estimator with this attribute."""

    recipe: Parameter[Mapping[str, Any] | None] = param(
        "the sections resample, train and decide of a pipeline YAML; what is left out has their defaults",
        _recipe,
        default=None,
    )
    label_col: Parameter[str] = param("the label column", column, default="label")
    features_col: Parameter[str | Sequence[str] | None] = param(
        "columns, or one vector or array column; by default all columns that have no other role", columns, default=None
    )
    categorical_col: Parameter[str | Sequence[str] | None] = param(
        "features that are categories, besides strings and booleans", columns, default=None
    )
    key_col: Parameter[str | Sequence[str] | None] = param(
        "columns that identify a row; without them the content does", columns, default=None
    )
    group_col: Parameter[str | None] = param("rows of one group are held out together", column, default=None)
    weight_col: Parameter[str | None] = param("column of row weights", column, default=None)
    exclude_col: Parameter[str | Sequence[str] | None] = param("columns that are not features", columns, default=None)
    positive: Parameter[Any] = param("the positive class; by default the rarer of two", _class, default=None)
    cost_fn: Parameter[str | float | None] = param(
        "cost of a false negative: a column or a number", _amount, default=None
    )
    cost_fp: Parameter[str | float | None] = param(
        "cost of a false positive: a column or a number", _amount, default=None
    )
    validation_indicator_col: Parameter[str | None] = param(
        "a boolean column that is true in validation rows", column, default=None
    )
    validation: Parameter[float] = param(
        "without an indicator, the share of each class that is held out for validation", share, default=0.1
    )
    random_state: Parameter[int] = param("seed of the rows that are held out", whole(0), default=0)

    def _fit(self, dataset: DataFrame) -> ClassifierModel:
        with naming(ESTIMATOR):
            return self._fitted(without_drawn_folds(dataset))

    def _fitted(self, rows: DataFrame) -> ClassifierModel:
        check_free(rows.columns, _ADDED, "ClassifierModel.transform")
        indicator = self.getOrDefault("validation_indicator_col")
        known = with_features(rows, self._dataset(), [c for c in (indicator, *self._listed("exclude_col")) if c])
        counted = class_counts(rows, known.label)
        counted.refuse_nulls(known.label)
        counted.check()
        positive = counted.positive(known.positive)
        known = replace(known, positive=positive, classes=counted.ordered(positive))
        held = self.getOrDefault("validation"), self.getOrDefault("random_state")
        train, validation = divided(rows, known, counted, indicator, *held)
        if indicator is not None:
            train, validation = train.drop(indicator), validation.drop(indicator)
        classifier = fit_recipe(Recipe.of(self.getOrDefault("recipe")), train, validation, known)
        model = ClassifierModel(classifier, classes_in_order(rows, known.label, counted, positive))
        return model._resetUid(self.uid)

    def _listed(self, name: str) -> tuple[str, ...]:
        return tuple(self.getOrDefault(name) or ())

    def _dataset(self) -> Dataset:
        """Return the roles of the columns as far as they are given."""
        return Dataset(
            self.getOrDefault("label_col"),
            features=self._listed("features_col"),
            categorical=self._listed("categorical_col"),
            key=self._listed("key_col"),
            group=self.getOrDefault("group_col"),
            weight=self.getOrDefault("weight_col"),
            cost=Cost(self.getOrDefault("cost_fn"), self.getOrDefault("cost_fp")),
            positive=self.getOrDefault("positive"),
        )


class ClassifierModel(Model, MLReadable["ClassifierModel"], MLWritable):
    """A fitted classifier as a Spark ML model; `ClassifierEstimator` makes it.

    Parameters
    ----------
    classifier : Classifier
    classes : sequence of str, optional
        The order of `probability` and `prediction`; default: that of the classifier.
    """

    def __init__(self, classifier: Classifier, classes: Sequence[str] | None = None) -> None:
        super().__init__()
        self.classifier = classifier
        self.classes = tuple(classes or classifier.classes)

    def _transform(self, dataset: DataFrame) -> DataFrame:
        """Add `probability`, `calibrated_probability`, `prediction` and `decision`, and the interval if there is one.

        `probability` is a vector of the model's own probabilities in the order of `classes`; `prediction` the place of
        the decided class in them (double). For labels that are numbers from 0 on it is the label. The others are as
        `Classifier.transform` gives them.
        """
        added = (*_ADDED, *(ENDS if self.classifier.policy.uncertainty is not None else ()))
        check_free(dataset.columns, added, "ClassifierModel.transform")
        rows = self.classifier.transform(dataset)
        place = {c: i for i, c in enumerate(self.classifier.classes)}
        ordered = F.array(*[F.get(col("probability"), place[c]) for c in self.classes])
        names = F.array(*[F.lit(c) for c in self.classes])
        prediction = (F.array_position(names, col("decision")) - 1).cast("double")
        rows = rows.withColumns({"probability": array_to_vector(ordered), "prediction": prediction})
        return rows.select(*[col(c) for c in (*dataset.columns, *added)])

    def write(self) -> _Writer:
        """Return a writer: ``model.write().overwrite().save(path)``."""
        return _Writer(self)

    @classmethod
    def read(cls) -> Any:
        """Return a reader: ``ClassifierModel.read().load(path)``."""
        return _Reader(cls)


class _Writer(ParamsWriter):
    """Writes the files of the classifier as rows of a table, which Spark can write wherever it writes."""

    def __init__(self, model: ClassifierModel) -> None:
        super().__init__(model)
        self.model = model

    def save(self, path: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder, "classifier")
            self.model.classifier.save(str(place))
            files = [
                (p.relative_to(place).as_posix(), bytearray(p.read_bytes())) for p in place.rglob("*") if p.is_file()
            ]
        self.params = {"classes": list(self.model.classes)}
        super().save(path)
        rows = self.sparkSession.createDataFrame(files, "name string, content binary")
        rows.coalesce(1).write.mode("overwrite" if self.shouldOverwrite else "error").parquet(f"{path}/classifier")


class _Reader(ParamsReader):
    """Reads what `_Writer` wrote."""

    def load(self, path: str) -> ClassifierModel:
        metadata = self.metadata(path)
        with tempfile.TemporaryDirectory() as folder:
            for row in self.sparkSession.read.parquet(f"{path}/classifier").collect():
                file = Path(folder, row["name"])
                if not file.resolve().is_relative_to(Path(folder).resolve()):
                    raise InputError(f"{path}/classifier names a file outside its folder: {row['name']!r}")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(bytes(row["content"]))
            classifier = Classifier.load(folder)
        model = ClassifierModel(classifier, metadata["paramMap"]["classes"])
        return model._resetUid(metadata["uid"])
