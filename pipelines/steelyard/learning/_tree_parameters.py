"""Parameters and errors that Spark ML's random forests and boosted trees share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from steelyard.learning.parameters import Parameters
from steelyard.learning.training_data import Importance

Features = (
    Literal["all", "onethird", "sqrt", "log2"] | Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, le=1)]
)
MOST_NODES = 2_000_000
"""Nodes of a model at most: scoring sends the trees to the executors, 24 bytes a node before compression."""

FAILURES = (
    (
        "Java heap space",
        "Spark ran out of memory while it trained trees: give driver and executors more, or lower "
        "train.params.maxDepth or maxBins",
    ),
    (
        "StackOverflowError",
        "the plan of so many boosted trees is too deep for Spark: set spark.checkpoint.dir, or lower "
        "train.params.maxIter",
    ),
    (
        "MODEL_SIZE_OVERFLOW",
        "the trees are larger than Spark Connect allows: lower train.params.maxDepth, or raise "
        "spark.connect.session.connectML.mlCache.memoryControl.maxModelSize on its server",
    ),
)


class TreeParameters(Parameters):
    """Parameters of one tree, by the names of Spark ML."""

    maxBins: int = Field(  # noqa: N815
        256, ge=2, le=65_536, description="Bins of a feature; few hide what sets a rare class apart."
    )
    minInstancesPerNode: int = Field(1, ge=1, description="Rows of a node at least.")  # noqa: N815
    minWeightFractionPerNode: float = Field(  # noqa: N815
        0.0, ge=0, lt=0.5, description="Share of the total weight in a node at least."
    )
    minInfoGain: float = Field(0.0, ge=0, description="Least gain of a split.")  # noqa: N815
    subsamplingRate: float = Field(1.0, gt=0, le=1, description="Share of the rows that each tree sees.")  # noqa: N815
    maxMemoryInMB: int = Field(  # noqa: N815
        256, ge=1, le=65_536, description="Memory of a task for statistics; with more, a job splits more nodes."
    )
    cacheNodeIds: bool = Field(  # noqa: N815
        False, description="Keep the node of each row instead of sending trees to the tasks: faster for deep trees."
    )
    checkpointInterval: int = Field(  # noqa: N815
        10, ge=-1, description="Checkpoint after so many rounds where spark.checkpoint.dir is set; -1: never."
    )

    elsewhere: ClassVar[Mapping[str, str]] = {
        "seed": "write train.seed",
        "random_state": "write train.seed",
        "weightCol": "write data.weight",
        "thresholds": "write decide.threshold",
        "class_weight": "write train.class_weight",
        "max_depth": "write maxDepth",
        "max_bins": "write maxBins",
        "min_samples_leaf": "write minInstancesPerNode",
        "min_impurity_decrease": "write minInfoGain",
        "max_features": "write featureSubsetStrategy",
    }


def tree_importance(summary: Mapping[str, Any], note: str) -> Importance | None:
    """Return the importance of features in a model of trees, for the report."""
    gains = [(g["feature"], g["gain"]) for g in summary.get("importances") or []]
    return Importance("What the trees gain most from", note, gains, True) if gains else None
