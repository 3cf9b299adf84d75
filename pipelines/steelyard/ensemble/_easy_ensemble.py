"""EasyEnsemble: boosted trees on balanced bags, whose votes are added."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from steelyard.ensemble.base import BaggingParameters, BaggingTrainer
from steelyard.learning.local import LocalLearner


class EasyEnsembleParameters(BaggingParameters):
    """Parameters of EasyEnsemble."""

    rounds: int = Field(50, ge=1, le=10_000, description="Trees that AdaBoost adds for a bag, at most.")
    max_depth: int = Field(1, ge=1, le=100, description="Deepest level of a tree.")
    learning_rate: float = Field(1.0, gt=0, description="Factor on the weight of each tree.")
    aggregation: Literal["sum", "mean"] = Field(
        "sum", description="Add the votes of all trees, as in the paper; or average the probabilities of the bags."
    )
    replacement: bool = Field(False, description="Whether the rows of a bag are drawn with replacement.")

    elsewhere: ClassVar[dict[str, str]] = {
        "estimator": "members are boosted trees: write rounds and max_depth, or take balanced_bagging",
        "random_state": "write train.seed",
        "n_jobs": "each member is one Spark task",
    }


class EasyEnsembleTrainer(BaggingTrainer):
    """AdaBoost on balanced bags [1]_.

    The trees of all bags vote together, with their weights in AdaBoost. Such a score must be calibrated before it is a
    probability. imbalanced-learn averages the probabilities of the bags, which `aggregation` can do too.

    References
    ----------
    .. [1] Liu, Wu, Zhou, "Exploratory undersampling for class-imbalance learning", IEEE Transactions on Systems, Man,
       and Cybernetics B 39, 2009.
    """

    name = "easy_ensemble"
    parameters = EasyEnsembleParameters

    @property
    def learner(self) -> LocalLearner:
        """AdaBoost with small trees."""
        tree = {"estimator": "decision_tree", "params": {"max_depth": self.params["max_depth"]}}
        params = {"n_estimators": self.params["rounds"], "learning_rate": self.params["learning_rate"]}
        return LocalLearner("ada_boost", {**params, "estimator": tree})

    @property
    def aggregation(self) -> str:
        """How members are combined."""
        return str(self.params["aggregation"])
