"""Gradient-boosted trees: Spark ML trains them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from steelyard.learning._tree_parameters import FAILURES, Features, TreeParameters, tree_importance
from steelyard.learning.base import Trainer
from steelyard.learning.training_data import Importance, TrainingData

if TYPE_CHECKING:
    from steelyard.learning._trees_model import GradientBoostedTreesModel
    from steelyard.learning.model import Model


class GradientBoostedTreesParameters(TreeParameters):
    """Parameters of gradient-boosted trees, by the names of Spark ML."""

    maxIter: int = Field(100, ge=1, le=10_000, description="Trees at most; each takes a job per level, and one more.")  # noqa: N815
    stepSize: float = Field(0.2, gt=0, le=1, description="Factor on the values of each new tree.")  # noqa: N815
    validationTol: float | None = Field(  # noqa: N815
        None,
        ge=0,
        description="Stop at the first tree that lowers validation log loss by less than this share. Default: never.",
    )
    maxDepth: int = Field(5, ge=0, le=30, description="Deepest level of a tree.")  # noqa: N815
    featureSubsetStrategy: Features = Field(  # noqa: N815
        "all", description="Features that each split chooses from: a rule, a number of them, or a share."
    )

    elsewhere: ClassVar[Mapping[str, str]] = {
        **TreeParameters.elsewhere,
        "impurity": "it is always variance",
        "lossType": "it is always logistic",
        "validationIndicatorCol": "write validationTol; training then stops on the validation rows",
        "n_estimators": "write maxIter",
        "learning_rate": "write stepSize",
    }


class GradientBoostedTreesTrainer(Trainer):
    """Spark ML's boosted trees, for two classes: XGBoost is faster and better where it can be installed.

    Spark starts from the first tree, whose margins are within ±1, and steps by gradients without Hessians. So the
    probabilities of a rare class begin near 0.1 and fall slowly: without calibration they are too high unless there are
    many trees. Its early stopping has no patience, and on real tables it stops too soon (with a log loss of 0.062
    instead of 0.058 after 50 trees on `mammography`), so it is off by default.

    Costs two passes over the training rows for bins and binned rows, which Spark keeps in memory and then on disk, then
    for each tree a job per level, and one for the loss on the validation rows: about 0.2 s a tree on a small table,
    however small. Beyond about 300 trees, set spark.checkpoint.dir.

    With up to two workers, the model is bit for bit the same from any partitioning. With more, sums of
    gradients may differ in the last digit, which decides between splits of equal gain.
    """

    name = "gradient_boosted_trees"
    parameters = GradientBoostedTreesParameters
    impute = True
    two_classes_only = True
    failures = FAILURES

    @property
    def needs_validation(self) -> bool:  # type: ignore[override]
        """Whether training stops early."""
        return "validationTol" in self.params

    @classmethod
    def model_class(cls) -> type[Model]:
        from steelyard.learning._trees_model import GradientBoostedTreesModel

        return GradientBoostedTreesModel

    @classmethod
    def importance(cls, summary: Mapping[str, Any]) -> Importance | None:
        return tree_importance(summary, "Each feature's share of the decrease of the squared error of gradients.")

    def _fit(self, data: TrainingData, start: Model | None) -> GradientBoostedTreesModel:
        from pyspark.ml.classification import GBTClassifier
        from pyspark.sql import functions as F

        from steelyard.learning._trees_model import GradientBoostedTreesModel, as_vectors, tree_fields

        params = {k: v for k, v in self.params.items() if k != "validationTol"}
        params["featureSubsetStrategy"] = str(params["featureSubsetStrategy"])
        rows = data.rows.withColumn("validation", F.lit(False))
        if data.validation is not None:
            rows = rows.unionByName(data.validation.withColumn("validation", F.lit(True)))
            params |= {"validationTol": self.params["validationTol"], "validationIndicatorCol": "validation"}
        estimator = GBTClassifier(seed=self.seed, weightCol="weight", **params)
        fitted = estimator.fit(as_vectors(rows, data.workers))
        return GradientBoostedTreesModel(**self.model_fields(data), **tree_fields([fitted], data))
