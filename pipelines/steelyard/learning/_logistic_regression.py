"""Logistic regression: Spark ML's trainer; scoring is a column expression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.functions import array_to_vector
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.dataset import Dataset
from steelyard.learning._features import Preprocessing, total
from steelyard.learning._model import Model, shared_fields
from steelyard.learning._trainer import Trainer, in_own_order

if TYPE_CHECKING:
    from steelyard.store import Folder

_SHOWN = 30


@dataclass(frozen=True)
class LogisticRegressionModel(Model):
    """Coefficients of standardised features.

    Parameters
    ----------
    coefficients : tuple of tuple of float
        With two classes one row, of the second; else one for each.
    intercepts : tuple of float
    """

    coefficients: tuple[tuple[float, ...], ...] = ()
    intercepts: tuple[float, ...] = ()

    def margins(self, df: DataFrame) -> Column:
        values = self.preprocessing.columns(df)
        sums = [
            F.lit(b) + total([F.lit(w) * x for w, x in zip(row, values, strict=True) if w])
            for row, b in zip(self.coefficients, self.intercepts, strict=True)
        ]
        return sums[0] if len(sums) == 1 else F.array(*sums)

    def to_json(self) -> dict[str, Any]:
        fitted = {"coefficients": [list(r) for r in self.coefficients], "intercepts": list(self.intercepts)}
        return {**super().to_json(), **fitted}

    @classmethod
    def load(cls, document: dict[str, Any], run_dir: Folder, path: str) -> Self:
        coefficients = tuple(tuple(row) for row in document["coefficients"])
        return cls(**shared_fields(document), coefficients=coefficients, intercepts=tuple(document["intercepts"]))


class LogisticRegressionTrainer(Trainer):
    """L2 by default (`regParam`), on standardised features, by L-BFGS. Reproduces to a tolerance."""

    name: ClassVar[str] = "logistic_regression"
    scaled: ClassVar[bool] = True

    def _fit(
        self,
        rows: DataFrame,
        validation: DataFrame | None,
        dataset: Dataset,
        preprocessing: Preprocessing,
        learned: tuple[str, ...],
    ) -> LogisticRegressionModel:
        estimator = LogisticRegression(
            featuresCol="features",
            labelCol="label",
            weightCol="weight",
            family="binomial" if len(learned) == 2 else "multinomial",
            standardization=False,  # done, by the preprocessing
            **self.params,
        )
        ordered = in_own_order(rows, self.num_workers)
        fitted = estimator.fit(ordered.select(array_to_vector(F.col("features")).alias("features"), "label", "weight"))
        coefficients = np.asarray(fitted.coefficientMatrix.toArray(), dtype=np.float64)
        intercepts = np.asarray(fitted.interceptVector.toArray(), dtype=np.float64)
        return LogisticRegressionModel(
            trainer=self.name,
            settings=self.settings,
            classes=dataset.classes,
            learned=learned,
            preprocessing=preprocessing,
            summary={
                "iterations": int(fitted.summary.totalIterations),
                "coefficients": _largest(preprocessing.names, coefficients, learned),
            },
            coefficients=tuple(tuple(float(w) for w in row) for row in coefficients),
            intercepts=tuple(float(b) for b in intercepts),
        )


def _largest(names: list[str], coefficients: np.ndarray[Any, Any], learned: tuple[str, ...]) -> list[Mapping[str, Any]]:
    """Return the features with the largest coefficients, each class's by its name."""
    of = learned[1:] if len(coefficients) == 1 else learned
    order = np.argsort(-np.abs(coefficients).max(axis=0), kind="stable")[:_SHOWN]
    return [
        {"feature": names[j], "coefficient": {c: float(coefficients[k, j]) for k, c in enumerate(of)}} for j in order
    ]
