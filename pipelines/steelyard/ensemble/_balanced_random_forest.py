"""Balanced random forest: trees, each on its own bootstrap of every class."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from steelyard.ensemble.base import BaggingParameters, BaggingTrainer
from steelyard.learning.local import LocalLearner

_OF_TREE = ("criterion", "max_depth", "min_samples_split", "min_samples_leaf", "max_features", "ccp_alpha")


class BalancedRandomForestParameters(BaggingParameters):
    """Parameters of the balanced random forest, by the names of imbalanced-learn."""

    n_estimators: int = Field(100, ge=2, le=1000, description="Trees, and bags.")
    criterion: Literal["gini", "entropy", "log_loss"] = Field("gini", description="What a split reduces.")
    max_depth: int | None = Field(None, ge=1, le=1000, description="Deepest level of a tree; null means unlimited.")
    min_samples_split: int = Field(2, ge=2, description="Rows of a node that is split, at least.")
    min_samples_leaf: int = Field(1, ge=1, description="Rows of a leaf, at least.")
    max_features: Literal["sqrt", "log2"] | Annotated[float, Field(gt=0, le=1)] | None = Field(
        "sqrt", description="Features that each split looks at: their square root, logarithm or share; null: all."
    )
    ccp_alpha: float = Field(0.0, ge=0, description="Cost of a leaf in pruning.")
    replacement: bool = Field(True, description="Whether the rows of a bag are drawn with replacement.")
    oob_score: bool = Field(
        False, description="Whether the rows that a tree has not seen estimate the PR area; needs replacement."
    )

    elsewhere: ClassVar[dict[str, str]] = {
        "bootstrap": "write replacement",
        "class_weight": "write train.class_weight",
        "random_state": "write train.seed",
        "n_jobs": "each tree is one Spark task",
    }

    @model_validator(mode="after")
    def _rows_are_left_out(self) -> Self:
        if self.oob_score and not self.replacement:
            raise ValueError("oob_score needs replacement: true")
        return self


class BalancedRandomForestTrainer(BaggingTrainer):
    """Trees, each on a bootstrap of the rarest class and as many draws of every other class [1]_.

    Out-of-bag estimates use the rows that a tree has not drawn; at most 100,000 of each class, chosen by hash.

    References
    ----------
    .. [1] Chen, Liaw, Breiman, "Using random forest to learn imbalanced data", report 666, Berkeley, 2004.
    """

    name = "balanced_random_forest"
    parameters = BalancedRandomForestParameters

    @property
    def learner(self) -> LocalLearner:
        """A decision tree that looks at some features in each split."""
        chosen: dict[str, Any] = {name: self.params.get(name) for name in _OF_TREE}
        return LocalLearner("decision_tree", chosen)
