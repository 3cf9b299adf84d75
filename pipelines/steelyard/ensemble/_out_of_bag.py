"""Out-of-bag estimates: each training row is scored by the members that have not seen it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.columns import of_key
from steelyard.ensemble._bags import UNIT, bags_of_unit
from steelyard.frames.workers import in_worker
from steelyard.hashing import Draws, sample_limit
from steelyard.learning import get_trainer

if TYPE_CHECKING:
    from steelyard.ensemble._model import EnsembleModel

ROWS = 100_000
"""Rows of each class that are scored, about."""


def out_of_bag(model: EnsembleModel, units: DataFrame, drawn: Draws) -> dict[str, Any]:
    """Return the PR area of each class against the others, and the number of rows that it comes from.

    Rows of a class that are sampled by hash stand for all of them. Rows that every member has drawn are left out.

    Parameters
    ----------
    model : EnsembleModel
    units : DataFrame
        As given to `draws`.
    drawn : Draws
    """
    from sklearn.metrics import average_precision_score

    counts = drawn.counts
    learner = get_trainer(model.trainer, model.settings["params"]).learner  # type: ignore[attr-defined]
    limits = {i: sample_limit(ROWS, n) for i, n in enumerate(counts.values())}
    place = F.shiftrightunsigned(F.xxhash64(UNIT, F.lit(drawn.seed), F.lit("out of bag")), 1)
    sample = units.where(place <= of_key(limits, F.col("label").cast("int")))
    worker = in_worker(
        "steelyard.ensemble._worker",
        "out_of_bag",
        estimator=learner.estimator,
        params=json.dumps(learner.to_json()["params"]),
        members=model.members,
    )
    table = (
        sample.select("features", "label", bags_of_unit(drawn).alias("tasks"))
        .mapInArrow(worker, "label int, probabilities array<double>")
        .toArrow()
    )
    labels = table.column("label").to_numpy()
    p = table.column("probabilities").combine_chunks().flatten().to_numpy().reshape(-1, len(counts))
    order = np.lexsort((*p.T, labels))  # sums are then the same from any partitioning
    labels, p = labels[order], p[order]
    weights = np.array([n / max((labels == i).sum(), 1) for i, n in enumerate(counts.values())])[labels]
    areas = {
        c: float(average_precision_score(labels == i, p[:, i], sample_weight=weights))
        for i, c in enumerate(counts)
        if (labels == i).any()
    }
    return {"rows": len(labels), "pr_auc": areas}
