"""Logistic regression: Spark ML trains it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import NDArray
from pydantic import Field

from steelyard.kernels.arrays import Floats
from steelyard.learning.arrays import ArrayModel, ArrayRows, Standardiser, of_second
from steelyard.learning.base import Trainer
from steelyard.learning.parameters import Parameters
from steelyard.learning.training_data import Importance, TrainingData

if TYPE_CHECKING:
    import numpy as np

    from steelyard.learning._logistic_regression_model import LogisticRegressionModel
    from steelyard.learning.model import Model


class LogisticRegressionParameters(Parameters):
    """Parameters of logistic regression, by the names of Spark ML."""

    regParam: float = Field(1e-4, ge=0, description="Strength of the penalty on coefficients.")  # noqa: N815
    elasticNetParam: float = Field(0.0, ge=0, le=1, description="Share of L1 in the penalty; the rest is L2.")  # noqa: N815
    maxIter: int = Field(100, ge=1, le=1_000_000, description="Iterations at most.")  # noqa: N815
    tol: float = Field(1e-6, gt=0, description="Relative change of the loss at which training ends.")
    fitIntercept: bool = Field(True, description="Whether there is an intercept.")  # noqa: N815
    aggregationDepth: int | None = Field(None, ge=2, le=100, description="Levels of Spark's tree aggregation.")  # noqa: N815
    maxBlockSizeInMB: float | None = Field(None, ge=0, description="Memory for a block of rows; 0 is Spark's choice.")  # noqa: N815

    elsewhere: ClassVar[Mapping[str, str]] = {
        "C": "write regParam, which is about 1 / (C · rows)",
        "standardization": "features are always standardised",
        "family": "it follows from the number of classes",
        "weightCol": "write data.weight",
        "threshold": "write decide.threshold",
        "class_weight": "write train.class_weight",
    }


class LogisticRegressionTrainer(Trainer):
    """L2 by default (`regParam`), on standardised features, by L-BFGS. Reproduces to a tolerance.

    Spark ML's initial coefficients are private to Scala, so it cannot start from a model.
    """

    name = "logistic_regression"
    parameters = LogisticRegressionParameters
    impute = True
    standardise = True
    gains_from_balance = True

    @classmethod
    def model_class(cls) -> type[Model]:
        from steelyard.learning._logistic_regression_model import LogisticRegressionModel

        return LogisticRegressionModel

    @classmethod
    def importance(cls, summary: Mapping[str, Any]) -> Importance | None:
        weights = [(c["feature"], max(map(abs, c["coefficient"].values()))) for c in summary.get("coefficients") or []]
        if not weights:
            return None
        note = "Without their sign, of features brought to the same scale."
        return Importance("The largest coefficients", note, weights, False)

    @property
    def fits_arrays(self) -> bool:
        """Whether the penalty is L2 alone: scikit-learn has a slow and inexact solver for the others."""
        return bool(self.params["elasticNetParam"] == 0)

    def _fit_arrays(
        self, train: ArrayRows, validation: ArrayRows, sizes: Mapping[str, float], masses: Mapping[str, float]
    ) -> ArrayModel:
        import numpy as np
        from sklearn.linear_model import LogisticRegression

        from steelyard.frames.workers import one_thread

        prepared = Standardiser.of(train.features)
        strength = self.params["regParam"] * float(train.weight.sum())
        made = LogisticRegression(
            C=1 / strength if strength else np.inf,
            tol=self.params["tol"],
            max_iter=self.params["maxIter"],
            fit_intercept=self.params["fitIntercept"],
        )
        with one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the limit of iterations
            made.fit(prepared.apply(train.features), train.label, sample_weight=train.weight)

        def predict(features: NDArray[np.float32]) -> Floats:
            return of_second(made.predict_proba(prepared.apply(features)))

        return ArrayModel(predict, facts={"iterations": int(made.n_iter_[0])})

    def _fit(self, data: TrainingData, start: Model | None) -> LogisticRegressionModel:
        from pyspark.ml.classification import LogisticRegression
        from pyspark.ml.functions import array_to_vector
        from pyspark.sql import functions as F

        from steelyard.learning._logistic_regression_model import LogisticRegressionModel, summary
        from steelyard.learning._preparing import repartition_by_content

        estimator = LogisticRegression(
            featuresCol="features",
            labelCol="label",
            weightCol="weight",
            family="binomial" if len(data.trained_classes) == 2 else "multinomial",
            standardization=False,  # the preprocessing does it
            **self.params,
        )
        ordered = repartition_by_content(data.rows, data.workers)
        fitted = estimator.fit(ordered.select(array_to_vector(F.col("features")).alias("features"), "label", "weight"))
        rows = tuple(tuple(float(w) for w in row) for row in fitted.coefficientMatrix.toArray())
        return LogisticRegressionModel(
            **self.model_fields(data),
            summary={
                "iterations": int(fitted.summary.totalIterations),
                "coefficients": summary(data.preprocessing.names, rows, data.trained_classes),
            },
            coefficients=rows,
            intercepts=tuple(float(b) for b in fitted.interceptVector.toArray()),
        )
