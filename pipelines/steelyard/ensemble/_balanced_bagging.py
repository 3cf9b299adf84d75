"""Balanced bagging: members of any kind, each trained on a balanced bag."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from steelyard.ensemble.base import BaggingTrainer, MemberParameters
from steelyard.learning.local import ESTIMATORS, LocalLearner


class BalancedBaggingParameters(MemberParameters):
    """Parameters of balanced bagging, by the names of imbalanced-learn."""

    estimator: str = Field(
        "xgboost",
        description=f"What each bag trains: {', '.join(ESTIMATORS)}, or the dotted path of a class with the interface "
        "of scikit-learn's classifiers.",
    )
    estimator_params: dict[str, Any] = Field({}, description="Parameters of the estimator.")
    replacement: bool = Field(False, description="Whether the rows of a bag are drawn with replacement.")

    elsewhere: ClassVar[dict[str, str]] = {
        "base_estimator": "write estimator",
        "random_state": "write train.seed",
        "n_jobs": "each member is one Spark task",
        "bootstrap": "write replacement",
    }


class BalancedBaggingTrainer(BaggingTrainer):
    """Members of any kind on balanced bags; the mean of their probabilities.

    A bag holds all rows of the rarest class and as many of the others, whose bags are disjoint as long as rows last.
    """

    name = "balanced_bagging"
    parameters = BalancedBaggingParameters

    @property
    def learner(self) -> LocalLearner:
        return LocalLearner(self.params["estimator"], self.params["estimator_params"])
