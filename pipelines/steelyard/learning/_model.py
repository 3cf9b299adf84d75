"""What all models share: they score raw rows and are saved as JSON and the training library's own bytes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Self

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from steelyard import __version__
from steelyard.columns import check_free, internal
from steelyard.distortion import Distortion
from steelyard.learning._features import Preprocessing
from steelyard.learning._link import in_order, logistic, softmax
from steelyard.learning._registry import FORMAT

if TYPE_CHECKING:
    from steelyard.store import Folder

PROBABILITIES = "probabilities"
_MARGINS = internal("margins")
_UNKNOWN = {"rates": {}, "exact": False}  # models of 0.1.0 do not record it


def _avoid_columnar_udts(df: DataFrame) -> None:
    """Let pandas UDFs take rows where a table has vectors: Spark 4.3's columnar input of UDFs knows no such type."""
    if any(isinstance(f.dataType, T.UserDefinedType) for f in df.schema.fields):
        df.sparkSession.conf.set("spark.sql.execution.arrow.pythonUDF.columnarInput.enabled", "false")


@dataclass(frozen=True)
class Model(ABC):
    """A fitted model.

    Parameters
    ----------
    trainer : str
    settings : dict
        `params`, `class_weight`, `num_workers` and `seed` of the trainer.
    classes : tuple of str
        String forms, in the order of the probabilities.
    learned : tuple of str
        Those of them that the training rows had.
    preprocessing : Preprocessing
    summary : dict
        What training has to tell: JSON types, small.
    distortion : Distortion
        How resampling, weights and loss changed the class prior of the probabilities.
    """

    trainer: str
    settings: dict[str, Any]
    classes: tuple[str, ...]
    learned: tuple[str, ...]
    preprocessing: Preprocessing
    summary: dict[str, Any] = field(default_factory=dict)
    distortion: Distortion = field(default_factory=Distortion)

    @abstractmethod
    def margins(self, df: DataFrame) -> Column:
        """Return the log odds of the second class as a double, or with more than two classes an array of margins."""

    def score(self, df: DataFrame, column: str = PROBABILITIES) -> DataFrame:
        """Add the probability of each class to raw rows.

        Nothing runs yet. A row's probabilities don't depend on the rows beside it. A label is not needed.

        Parameters
        ----------
        df : DataFrame
            With the features that the model was fitted on.
        column : str, default "probabilities"
            Name of the new column.

        Returns
        -------
        DataFrame
            `df` and `column`, an array of doubles in the order of `classes`: uncalibrated, and bent by whatever
            resampling or weights the training rows went through.

        Raises
        ------
        InputError
            If a feature is missing or of another kind than it was, or `df` has such a column already.
        """
        check_free(df.columns, [column], "scoring")
        _avoid_columnar_udts(df)
        link = logistic if len(self.learned) == 2 else softmax
        # The margins are a column of their own, so that each is computed once.
        with_margins = df.withColumn(_MARGINS, self.margins(df))
        probabilities = in_order(link(F.col(_MARGINS)), self.learned, self.classes)
        return with_margins.withColumn(column, probabilities).drop(_MARGINS)

    def save(self, run_dir: Folder, path: str) -> None:
        """Write the model below `path`: `model.json`, and what else its kind needs."""
        run_dir.write_json(f"{path}/model.json", self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Return the model's document."""
        return {
            "format": FORMAT,
            "trainer": self.trainer,
            **self.settings,
            "classes": list(self.classes),
            "learned": list(self.learned),
            "link": "logistic" if len(self.learned) == 2 else "softmax",
            "libraries": _libraries(),
            "summary": self.summary,
            "distortion": self.distortion.to_json(),
            "preprocessing": self.preprocessing.to_json(),
        }

    @classmethod
    @abstractmethod
    def load(cls, document: dict[str, Any], run_dir: Folder, path: str) -> Self:
        """Rebuild a model from its document and the files beside it."""


def shared_fields(document: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of `Model` from a document."""
    return {
        "trainer": document["trainer"],
        "settings": {k: document[k] for k in ("params", "class_weight", "num_workers", "seed")},
        "classes": tuple(document["classes"]),
        "learned": tuple(document["learned"]),
        "preprocessing": Preprocessing.from_json(document["preprocessing"]),
        "summary": document["summary"],
        "distortion": Distortion.from_json(document.get("distortion", _UNKNOWN)),
    }


def _libraries() -> dict[str, str]:
    found = {"steelyard": __version__}
    for name in ("pyspark", "xgboost", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a cluster's own pyspark has no metadata
            continue
    return found
