"""Candidates that no single task can train: a classifier is fitted for each fold, as in a pipeline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from steelyard.classifier import Classifier, fit, recipe_for_part
from steelyard.columns import class_text, col, internal
from steelyard.comparing._candidates import Candidate
from steelyard.comparing._fold_scores import check_fold
from steelyard.comparing._rows import Folds
from steelyard.config import DecideConfig, Recipe
from steelyard.dataset import Dataset
from steelyard.frames.caching import checkpointed
from steelyard.frames.workers import in_worker
from steelyard.metrics import row_weight
from steelyard.splitting import FoldPlan, bucket, fold_rows, holdout
from steelyard.stats import class_counts


def judged_by_spark(
    candidate: Candidate,
    rows: DataFrame,
    dataset: Dataset,
    whole: Mapping[str, int],
    plan: FoldPlan,
    folds: Folds,
    decide: DecideConfig,
) -> list[Any]:
    """Return the scores of each fold as JSON types.

    Of training rows, a share is held out by hash, groups whole, for early stopping, calibration and threshold.

    Parameters
    ----------
    candidate : Candidate
    rows : DataFrame
    dataset : Dataset
        With the weight that rows have after they were drawn.
    whole : mapping of str to int
        Rows of each class before that.
    plan : FoldPlan
    folds : Folds
    decide : DecideConfig
    """
    recipe = Recipe(resample=candidate.recipe.resample, train=candidate.recipe.train, decide=decide)
    found = []
    for number in plan.numbers:
        train, test = fold_rows(rows, plan, number)
        counts = class_counts(train, dataset.label).counts
        check_fold({c: counts.get(c, 0) for c in dataset.classes})
        held = holdout(train, dataset, {c: counts[c] for c in dataset.classes}, folds.held, seed=folds.seed)
        own, validation = fold_rows(train, held, 0)
        trained = held.counts["1"]
        asked = recipe_for_part(recipe, {c: trained[c] / n for c, n in whole.items()})
        classifier = fit(asked, _short(own), _short(validation), dataset)
        found.append(_scores(classifier, test, dataset, folds, sum(trained.values())))
    return found


def _short(rows: DataFrame) -> DataFrame:
    """Return rows with a short plan on Spark Connect, whose client limits the depth of the plan of a model's input."""
    from pyspark.sql.utils import is_remote

    return checkpointed(rows) if is_remote() else rows


def _scores(classifier: Classifier, test: DataFrame, data: Dataset, folds: Folds, trained: int) -> Any:
    names = {name: internal(name) for name in ("probability", "calibrated", "decision")}
    scored = classifier.transform(test, **names)
    weight = row_weight(scored, data)
    costs = [
        (col(of) if isinstance(of, str) else F.lit(of or 0.0)).cast("double")
        for of in (data.cost.false_negative, data.cost.false_positive)
    ]
    several = len(data.classes) > 2
    score, label, decided = F.col(names["calibrated"]), class_text(scored, data.label), F.col(names["decision"])
    places = F.array(*map(F.lit, data.classes))
    columns = {
        "score": F.array(*[F.element_at(score, F.lit(c)) for c in data.classes]) if several else score,
        "label": F.array_position(places, label) - 1 if several else label == F.lit(data.positive),
        "alarm": F.array_position(places, decided) - 1 if several else decided == F.lit(data.positive),
        "weight": F.lit(1.0) if weight is None else weight,
        "bucket": bucket(scored, data, temporal=folds.method == "temporal"),
        "cost_fn": costs[0],
        "cost_fp": costs[1],
    }
    narrow = scored.select(*[of.alias(name) for name, of in columns.items()])
    facts = {
        "rows": trained,
        "threshold": classifier.policy.threshold,
        "calibration": classifier.policy.calibration.method,
    }
    matrix = data.cost.of_classes(data.classes) if several else []
    worker = in_worker("steelyard.comparing._worker", "score", facts=facts, costs=matrix)
    # Sums of floats follow the order of rows.
    ordered = narrow.repartition(1).sortWithinPartitions(*columns)
    [row] = ordered.mapInArrow(worker, "task int, scores string").collect()
    return json.loads(row["scores"])
