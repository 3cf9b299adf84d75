"""The classifier as a Spark ML estimator and model."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyspark import keyword_only
from pyspark.ml import Estimator, Model
from pyspark.ml.functions import array_to_vector
from pyspark.ml.util import MLReadable, MLWritable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.classifier._classifier import Classifier
from steelyard.classifier._fit import check_recipe, fit
from steelyard.classifier._rows import classes_in_order, divided, with_features
from steelyard.columns import check_free, col
from steelyard.config import Recipe
from steelyard.dataset import Cost, Dataset
from steelyard.errors import InputError
from steelyard.labels import class_name
from steelyard.params import ParamsReader, ParamsWriter, at_least_zero, column, columns, param, share, whole, wrong
from steelyard.pipeline import without_drawn_folds
from steelyard.stats import class_counts

_ADDED = ("probability", "calibrated_probability", "prediction", "decision")


def _recipe(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping | Recipe):
        raise wrong(name, "a mapping with the sections resample, train and decide", value)
    checked = Recipe.of(value)
    check_recipe(checked)
    return checked.model_dump(mode="json", exclude_unset=True)


def _amount(name: str, value: object) -> str | float:
    return column(name, value) if isinstance(value, str) else at_least_zero(name, value)


def _class(name: str, value: object) -> str:
    return class_name(value)


class ClassifierEstimator(Estimator["ClassifierModel"], MLReadable["ClassifierEstimator"], MLWritable):
    """A Spark ML estimator that resamples, trains, calibrates and sets the threshold.

    It works in `pyspark.ml.Pipeline`, `CrossValidator` and `TrainValidationSplit`, with every trainer. Only training
    rows are resampled; validation rows, on which the threshold is set, are held out of the rows that `fit` is given.

    Costs what `steelyard.classifier.fit` costs, and where rows are held out by hash one scan for the counts of the
    classes and two for the exact split.

    Parameters
    ----------
    recipe : mapping, optional
        The sections `resample`, `train` and `decide` of a pipeline YAML.
    label_col : str, default "label"
    features_col : str or list of str, optional
        Columns, or one vector or array column; default: all columns that have no other role.
    categorical_col : str or list of str, optional
        Features that are categories, besides strings and booleans.
    key_col : str or list of str, optional
        Columns that identify a row. Without them the content does.
    group_col : str, optional
        Rows of one group are held out together.
    weight_col : str, optional
    exclude_col : str or list of str, optional
        Columns that are no features.
    positive : optional
        The positive class; default: the rarer of two.
    cost_fn, cost_fp : str or float, optional
        What a false negative and a false positive cost: a column or a number.
    validation_indicator_col : str, optional
        A boolean column that is true in validation rows.
    validation : float, default 0.1
        Without such a column: the share of each class that is held out.
    random_state : int, default 0
        Seed of the held-out rows.

    Raises
    ------
    ConfigError
        For an unknown key, sampler, trainer or parameter in the recipe.
    InputError
        When fitting, for columns that are missing or unusable.

    Examples
    --------
    >>> estimator = ClassifierEstimator(
    ...     recipe={"resample": {"method": "random_under_sampler"}, "train": {"params": {"n_estimators": 5}}},
    ...     label_col="is_fraud", validation=0.3,
    ... )
    >>> estimator.fit(df).transform(df).select("prediction", "decision").distinct().count()
    2
    """

    recipe = param("recipe", "the sections resample, train and decide of a pipeline YAML", _recipe)
    label_col = param("label_col", "the label column", column)
    features_col = param("features_col", "the features; default: all columns that have no other role", columns)
    categorical_col = param("categorical_col", "features that are categories, besides strings and booleans", columns)
    key_col = param("key_col", "columns that identify a row", columns)
    group_col = param("group_col", "rows of one group are held out together", column)
    weight_col = param("weight_col", "weights of rows", column)
    exclude_col = param("exclude_col", "columns that are no features", columns)
    positive = param("positive", "the positive class; default: the rarer of two", _class)
    cost_fn = param("cost_fn", "cost of a false negative: a column or a number", _amount)
    cost_fp = param("cost_fp", "cost of a false positive: a column or a number", _amount)
    validation_indicator_col = param("validation_indicator_col", "a boolean column, true in validation rows", column)
    validation = param("validation", "share of each class that is held out", share)
    random_state = param("random_state", "seed of the held-out rows", whole(0))

    _input_kwargs: dict[str, Any]

    @keyword_only
    def __init__(
        self,
        *,
        recipe: Mapping[str, Any] | None = None,
        label_col: str = "label",
        features_col: str | Sequence[str] | None = None,
        categorical_col: str | Sequence[str] | None = None,
        key_col: str | Sequence[str] | None = None,
        group_col: str | None = None,
        weight_col: str | None = None,
        exclude_col: str | Sequence[str] | None = None,
        positive: Any = None,
        cost_fn: str | float | None = None,
        cost_fp: str | float | None = None,
        validation_indicator_col: str | None = None,
        validation: float = 0.1,
        random_state: int = 0,
    ) -> None:
        given = self._input_kwargs
        super().__init__()
        self._setDefault(label_col="label", validation=0.1, random_state=0)
        self._set(**{name: value for name, value in given.items() if value is not None})

    def _fit(self, dataset: DataFrame) -> ClassifierModel:
        rows = without_drawn_folds(dataset)
        indicator = self._value("validation_indicator_col")
        known = with_features(rows, self._dataset(), [c for c in (indicator, *self._listed("exclude_col")) if c])
        counted = class_counts(rows, known.label)
        counted.refuse_nulls(known.label)
        counted.check()
        positive = counted.positive(known.positive)
        known = replace(known, positive=positive, classes=counted.ordered(positive))
        held = self._value("validation"), self._value("random_state")
        train, validation = divided(rows, known, counted, indicator, *held)
        if indicator is not None:
            train, validation = train.drop(indicator), validation.drop(indicator)
        classifier = fit(self._value("recipe"), train, validation, known)
        model = ClassifierModel(classifier, classes_in_order(rows, known.label, counted, positive))
        return model._resetUid(self.uid)

    def _value(self, name: str) -> Any:
        of = self.getParam(name)
        return self.getOrDefault(of) if self.isDefined(of) else None

    def _listed(self, name: str) -> tuple[str, ...]:
        return tuple(self._value(name) or ())

    def _dataset(self) -> Dataset:
        """Return the roles of the columns as far as they are given."""
        return Dataset(
            self._value("label_col"),
            features=self._listed("features_col"),
            categorical=self._listed("categorical_col"),
            key=self._listed("key_col"),
            group=self._value("group_col"),
            weight=self._value("weight_col"),
            cost=Cost(self._value("cost_fn"), self._value("cost_fp")),
            positive=self._value("positive"),
        )

    def write(self) -> ParamsWriter:
        """Return a writer: ``estimator.write().overwrite().save(path)``."""
        return ParamsWriter(self)

    @classmethod
    def read(cls) -> ParamsReader:
        """Return a reader: ``ClassifierEstimator.read().load(path)``."""
        return ParamsReader(cls)


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
        """Add `probability`, `calibrated_probability`, `prediction` and `decision`.

        `probability` is a vector of the model's own probabilities in the order of `classes`; `prediction` the place of
        the decided class in them (double). For labels that are numbers from 0 on it is the label. The others are as
        `Classifier.transform` gives them.
        """
        check_free(dataset.columns, _ADDED, "transform")
        rows = self.classifier.transform(dataset)
        place = {c: i for i, c in enumerate(self.classifier.classes)}
        ordered = F.array(*[F.get(col("probability"), place[c]) for c in self.classes])
        names = F.array(*[F.lit(c) for c in self.classes])
        prediction = (F.array_position(names, col("decision")) - 1).cast("double")
        rows = rows.withColumns({"probability": array_to_vector(ordered), "prediction": prediction})
        return rows.select(*[col(c) for c in (*dataset.columns, *_ADDED)])

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
