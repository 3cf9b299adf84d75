"""Random forests: Spark ML trains them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from steelyard.learning._tree_parameters import FAILURES, Features, TreeParameters, tree_importance
from steelyard.learning.base import Trainer
from steelyard.learning.training_data import Importance, TrainingData

if TYPE_CHECKING:
    from steelyard.learning._trees_model import RandomForestModel
    from steelyard.learning.model import Model


class RandomForestParameters(TreeParameters):
    """Parameters of random forests, by the names of Spark ML."""

    numTrees: int = Field(100, ge=1, le=10_000, description="Trees; with more than two classes, of each class.")  # noqa: N815
    maxDepth: int = Field(10, ge=0, le=30, description="Deepest level of a tree.")  # noqa: N815
    featureSubsetStrategy: Features = Field(  # noqa: N815
        "sqrt", description="Features that each split chooses from: a rule, a number of them, or a share."
    )
    bootstrap: bool = Field(True, description="Draw the rows of a tree with replacement.")

    elsewhere: ClassVar[Mapping[str, str]] = {
        **TreeParameters.elsewhere,
        "impurity": "it is always gini",
        "n_estimators": "write numTrees",
    }


class RandomForestTrainer(Trainer):
    """Random forests of Gini trees, whose leaves keep the share of each class.

    Spark's `RandomForestClassifier` merges leaves that predict the same class. Where no region of the table has more
    positives than negatives, its trees are single leaves, which rank nothing. So each class gets a
    `RandomForestRegressor` on labels 0 and 1 instead: its variance is half of Gini's impurity, so it finds the same
    splits, and it merges only leaves of equal shares. With two classes one forest suffices; with more, the
    shares of the classes' forests are divided by their sum.

    Costs three passes over the training rows for weights, bins and binned rows, which Spark keeps in memory and then on
    disk (4 bytes for each value and each tree of a row, and about 100 more), then at least one job per level of all
    trees together. A node takes 24 bytes per bin of each feature that it chooses from; nodes beyond `maxMemoryInMB`
    take further jobs. The model is of size numTrees × 2 ^ maxDepth at most, on the driver too, and is refused beyond
    2,000,000 nodes.

    With up to two workers, and with any number where all weights are whole numbers, the model is bit for bit the same
    from any partitioning. With more, sums of weights may differ in the last digit, which decides between splits of
    equal gain.
    """

    name = "random_forest"
    parameters = RandomForestParameters
    impute = True
    failures = FAILURES

    @classmethod
    def model_class(cls) -> type[Model]:
        from steelyard.learning._trees_model import RandomForestModel

        return RandomForestModel

    @classmethod
    def importance(cls, summary: Mapping[str, Any]) -> Importance | None:
        return tree_importance(summary, "Each feature's share of the decrease of Gini's impurity.")

    def _fit(self, data: TrainingData, start: Model | None) -> RandomForestModel:
        from pyspark.ml.regression import RandomForestRegressor

        from steelyard.frames.caching import cached
        from steelyard.learning._trees_model import RandomForestModel, as_vectors, tree_fields

        estimator = RandomForestRegressor(
            seed=self.seed,
            weightCol="weight",
            impurity="variance",
            **{**self.params, "featureSubsetStrategy": str(self.params["featureSubsetStrategy"])},
        )
        rows = as_vectors(data.rows, data.workers)
        if len(data.trained_classes) == 2:
            return RandomForestModel(**self.model_fields(data), **tree_fields([estimator.fit(rows)], data))
        with cached(rows) as kept:
            forests = [estimator.fit(_one_against_all(kept, code)) for code in range(len(data.trained_classes))]
        return RandomForestModel(**self.model_fields(data), **tree_fields(forests, data))


def _one_against_all(rows: Any, code: int) -> Any:
    from pyspark.sql import functions as F

    return rows.withColumn("label", (F.col("label") == code).cast("double"))
