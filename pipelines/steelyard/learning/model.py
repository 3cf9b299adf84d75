"""The base of all models: they add probabilities to raw rows, and save themselves without pickles."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Self

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard import __version__
from steelyard.columns import check_free, combined, internal, of_place
from steelyard.config import LOG_LOSS
from steelyard.distortion import Distortion
from steelyard.errors import InputError
from steelyard.kernels.losses import Focal
from steelyard.learning._device import CPU
from steelyard.learning._link import focal_log_odds, in_order, logistic, softmax
from steelyard.learning._preprocessing import Preprocessing
from steelyard.learning._registry import FORMAT, trainer_class

if TYPE_CHECKING:
    from steelyard.store import Folder

PROBABILITIES = "probabilities"
CONTRIBUTIONS = "contributions"
_RAW = internal("raw_prediction")
_WRITTEN = ("params", "class_weight", "num_workers", "seed")
_SETTINGS = {"loss": LOG_LOSS, "device": CPU}  # earlier models do not record them
_UNKNOWN = {"rates": {}, "exact": False}  # models of 0.1.0 do not record it


@dataclass(frozen=True)
class Model(ABC):
    """A fitted model: `predict` adds the probability of each class to raw rows.

    A subclass defines `raw_prediction`. Its other fields need defaults, and belong into `to_json` and `load`, or into
    files of their own that `save` writes.

    Parameters
    ----------
    trainer : str
        The trainer's `name`.
    settings : dict
        `params`, `class_weight`, `num_workers`, `seed` and `loss` of the trainer, and the `device` that trained.
    classes : tuple of str
        String forms, in the order of the probabilities.
    trained_classes : tuple of str
        Those of them that the training rows had.
    preprocessing : Preprocessing
    summary : dict
        Facts about the training for the outcome and the report: JSON types, small.
    distortion : Distortion
        How resampling, weights and loss changed the class prior of the probabilities.
    """

    trainer: str
    settings: dict[str, Any]
    classes: tuple[str, ...]
    trained_classes: tuple[str, ...]
    preprocessing: Preprocessing
    summary: dict[str, Any] = field(default_factory=dict)
    distortion: Distortion = field(default_factory=Distortion)

    @property
    def monotone(self) -> tuple[int, ...] | None:
        """The directions as in `TrainingData.monotone` that the model is known to obey, or None if unknown."""
        return None

    @abstractmethod
    def raw_prediction(self, df: DataFrame) -> Column:
        """Return the probabilities of `trained_classes` for raw rows, an array of doubles.

        Where `to_probabilities` is overridden, it is the input of that: margins, votes.
        """

    def to_probabilities(self, raw: Column) -> Column:
        """Return the probabilities of `trained_classes` for a column of `raw_prediction`."""
        return raw

    def predict(self, df: DataFrame, column: str = PROBABILITIES) -> DataFrame:
        """Add the probability of each class to raw rows.

        Nothing runs yet. A row's probabilities don't depend on other rows. A label is not needed.

        Parameters
        ----------
        df : DataFrame
            With the features that the model was fitted on.
        column : str, default "probabilities"
            Name of the new column.

        Returns
        -------
        DataFrame
            `df` and `column`, an array of doubles in the order of `classes`: not calibrated, and changed by whatever
            resampling and weights did to the training rows.

        Raises
        ------
        InputError
            If a feature is missing or of another kind than it was, or `df` has such a column already.
        """
        check_free(df.columns, [column], "scoring")
        _avoid_columnar_udts(df)
        # The raw prediction is a column of its own, so that each is computed once.
        with_raw = df.withColumn(_RAW, self.raw_prediction(df))
        probabilities = in_order(self.to_probabilities(F.col(_RAW)), self.trained_classes, self.classes)
        return with_raw.withColumn(column, probabilities).drop(_RAW)

    @classmethod
    def raw_predictions(cls, models: Sequence[Self], df: DataFrame, place: Column) -> Column | None:
        """Return, for each row, what `raw_prediction` of the model at a place gives; None if it takes a read each."""
        return None

    def contributions(self, df: DataFrame, column: str = CONTRIBUTIONS) -> DataFrame:
        """Add the contribution of each feature to a row's margin; optional.

        Returns
        -------
        DataFrame
            `df` and `column`, an array of doubles: one for each of `preprocessing.names`, then the bias. They add up
            to the margin of the second class. With more than two classes, an array of such arrays.

        Raises
        ------
        InputError
            If models of this kind have none.
        """
        check_free(df.columns, [column], "contributions")
        _avoid_columnar_udts(df)
        return df.withColumn(column, self._contributions(df))

    def _contributions(self, df: DataFrame) -> Column:
        raise InputError(f"models of {self.trainer} give no contributions of features")

    def save(self, run_dir: Folder, path: str) -> None:
        """Write the model below `path`: `model.json`, and what else its kind needs. Never a pickle."""
        run_dir.write_json(f"{path}/model.json", self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Return the model's document."""
        return {
            "format": FORMAT,
            "trainer": self.trainer,
            **self.settings,
            "classes": list(self.classes),
            "learned": list(self.trained_classes),
            "libraries": _libraries(trainer_class(self.trainer).libraries),
            "summary": self.summary,
            "distortion": self.distortion.to_json(),
            "preprocessing": self.preprocessing.to_json(),
        }

    @classmethod
    def load(cls, document: Mapping[str, Any], run_dir: Folder, path: str) -> Self:
        """Rebuild a model from its document and its files below `path`."""
        return cls(**shared_fields(document))


def predict_each(models: Sequence[Model], df: DataFrame, place: Column, column: str = PROBABILITIES) -> DataFrame:
    """Add the probabilities that one of several models gives a row, as `Model.predict` does.

    Parameters
    ----------
    models : sequence of Model
        Of one trainer.
    df : DataFrame
    place : Column of int
        The place of the row's model; other rows are left out.
    column : str, default "probabilities"
    """
    kind = type(models[0])
    raw = kind.raw_predictions(models, df, place)
    if raw is None:
        return combined(
            DataFrame.unionByName, [of.predict(df.where(place == i), column) for i, of in enumerate(models)]
        )
    check_free(df.columns, [column], "scoring")
    _avoid_columnar_udts(df)
    found = [in_order(of.to_probabilities(F.col(_RAW)), of.trained_classes, of.classes) for of in models]
    return df.withColumn(_RAW, raw).withColumn(column, of_place(place, found)).drop(_RAW)


@dataclass(frozen=True)
class MarginModel(Model):
    """A model that computes margins: log odds with two classes, else one score for each class.

    Parameters
    ----------
    focal : Focal, optional
        The focal loss that it was trained with, whose margins are not log odds.
    """

    focal: Focal | None = None

    @abstractmethod
    def margins(self, df: DataFrame) -> Column:
        """Return the log odds of the second class as a double, or with more than two classes an array of margins."""

    def raw_prediction(self, df: DataFrame) -> Column:
        """Return the margins."""
        return self.margins(df)

    def to_probabilities(self, raw: Column) -> Column:
        """Return the logistic function of log odds, or the softmax of margins."""
        if self.focal is not None:
            return logistic(focal_log_odds(raw, self.focal))
        return logistic(raw) if len(self.trained_classes) == 2 else softmax(raw)

    def to_json(self) -> dict[str, Any]:
        """Return the model's document."""
        link = "logistic" if len(self.trained_classes) == 2 else "softmax"
        return {**super().to_json(), "link": link if self.focal is None else {"focal": asdict(self.focal)}}


def focal_of(document: Mapping[str, Any]) -> Focal | None:
    """Return the focal loss that the document of a `MarginModel` names."""
    link = document.get("link")
    if not isinstance(link, Mapping):
        return None
    return Focal(link["focal"]["gamma"], tuple(link["focal"]["weights"]))


def shared_fields(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `Model` from a document."""
    return {
        "trainer": document["trainer"],
        "settings": {**_SETTINGS, **{k: document[k] for k in (*_WRITTEN, *_SETTINGS) if k in document}},
        "classes": tuple(document["classes"]),
        "trained_classes": tuple(document["learned"]),
        "preprocessing": Preprocessing.from_json(document["preprocessing"]),
        "summary": document["summary"],
        "distortion": Distortion.from_json(document.get("distortion", _UNKNOWN)),
    }


def _avoid_columnar_udts(df: DataFrame) -> None:
    """Let pandas UDFs take rows where a table has vectors: Spark 4.3's columnar input of UDFs knows no such type."""
    if any(isinstance(f.dataType, T.UserDefinedType) for f in df.schema.fields):
        df.sparkSession.conf.set("spark.sql.execution.arrow.pythonUDF.columnarInput.enabled", "false")


def _libraries(names: tuple[str, ...]) -> dict[str, str]:
    found = {"steelyard": __version__}
    for name in ("pyspark", "numpy", *names):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a cluster's own pyspark has no metadata
            continue
    return found
