"""Importance weights for the rows of a source domain: how much more frequent a row is in the target domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from steelyard.columns import class_code, of_class
from steelyard.dataset import Dataset
from steelyard.errors import InputError
from steelyard.frames.caching import cached
from steelyard.hashing import row_hash, sample_limit
from steelyard.kernels.curves import roc_auc
from steelyard.kernels.importance import ranges_meet
from steelyard.learning._features import Category
from steelyard.learning._fitting import fit_preprocessing
from steelyard.learning._preprocessing import Preprocessing
from steelyard.learning.base import LIMITS
from steelyard.learning.held_out import by_fold
from steelyard.learning.local import LocalLearner
from steelyard.learning.tasks import PLACE, TASK, fit_tasks

FOLDS = 3
FEWEST = 20
"""Rows of a class in each domain from which on the class has a domain classifier."""

_SAMPLE = 20_000  # rows of a class in a domain
_CELLS = 40_000_000  # features of all sampled rows
_LEARNER = LocalLearner(
    "xgboost", {"n_estimators": 60, "max_depth": 3, "learning_rate": 0.1, "min_child_weight": 5.0, "subsample": 0.8}
)
_WEIGH = ("steelyard.learning._domain_worker", "weigh")
_TARGET = 1.0


@dataclass(frozen=True)
class DomainClassifier:
    """Classifiers that tell rows of two domains apart, for each class one in each of `FOLDS` folds.

    Parameters
    ----------
    dataset : Dataset
    preprocessing : Preprocessing
    classes : tuple of str
        Those with enough rows in both domains.
    models : tuple of bytes
    seed : int
    auc : mapping of str to float
        Class → area under the ROC curve on rows that the classifier has not seen: 0.5 where the domains agree.
    left_out : tuple of str
        Columns that no classifier sees, since each alone tells the domains apart: no value of it is in both. Weights
        are then the densities' ratio of the other features.
    """

    dataset: Dataset
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    models: tuple[bytes, ...]
    seed: int
    auc: Mapping[str, float]
    left_out: tuple[str, ...] = ()

    def weights(self, source: DataFrame, clip: float) -> Column:
        """Return the weight of each row of the source: the ratio of the densities in target and source, clipped.

        The density is that of the features within the row's class. Rows of other classes than `classes` weigh 1.
        """
        if not self.models:
            return F.lit(1.0)
        place = _place(source, self.dataset, self.classes, self.seed)
        own = F.lit(1).alias("own")
        row = F.struct(_features(source, self.preprocessing), own, F.coalesce(place, F.lit(0)).alias("fold"))
        return F.when(place.isNotNull(), by_fold(_LEARNER, self.models, _WEIGH, clip=clip)(row)).otherwise(1.0)


def fit_domain_classifier(
    target: DataFrame,
    source: DataFrame,
    dataset: Dataset,
    target_counts: Mapping[str, int],
    source_counts: Mapping[str, int],
    *,
    seed: int = 0,
) -> DomainClassifier:
    """Train domain classifiers on a bounded hash sample of both tables, in one Spark stage of small tasks.

    Each class has its own, so that rows whose label contradicts the target weigh little. Both domains have the same
    total weight in it. A row is judged by the classifier that was trained without its fold.

    Parameters
    ----------
    target : DataFrame
        Training rows, before resampling.
    source : DataFrame
        With the same features, label and identity.
    dataset : Dataset
    target_counts, source_counts : mapping of str to int
        Rows of each class.
    seed : int, default 0

    Raises
    ------
    InputError
        If each feature tells the domains apart.
    """
    classes = tuple(c for c in dataset.classes if min(target_counts.get(c, 0), source_counts.get(c, 0)) >= FEWEST)
    fitted = fit_preprocessing(target, dataset, limit=LIMITS["float32"], seed=seed)
    if not classes:
        return DomainClassifier(dataset, fitted, (), (), seed, {})
    most = min(_SAMPLE, max(_CELLS // (2 * len(classes) * max(len(fitted.names), 1)), 1000))
    sizes = [{c: min(of[c], most) for c in classes} for of in (target_counts, source_counts)]
    smaller = {c: min(of[c] for of in sizes) for c in classes}
    parts = []
    for df, counts, drawn, domain in (
        (target, target_counts, sizes[0], _TARGET),
        (source, source_counts, sizes[1], 0.0),
    ):
        limits = {c: sample_limit(drawn[c], counts[c]) for c in classes}
        weights = {c: smaller[c] / drawn[c] for c in classes}
        parts.append(_sampled(df, dataset, fitted, limits, weights, domain, seed))
    return _of_sample(parts[0].unionByName(parts[1]), dataset, fitted, classes, seed)


def _of_sample(
    sample: DataFrame, dataset: Dataset, fitted: Preprocessing, classes: tuple[str, ...], seed: int
) -> DomainClassifier:
    """Return the classifiers of a sample, without the columns that tell the domains apart by themselves."""
    with cached(sample) as rows:
        left_out = _telling(rows, fitted)
        seen = replace(fitted, features=tuple(f for f in fitted.features if f.column not in left_out))
        if not seen.features:
            raise InputError("no row of the source is like one of the table: no value of any feature is in both")
        rows = _only(rows, [f.column not in left_out for f in fitted.features for _ in f.names]) if left_out else rows
        models = _trained(rows, len(classes), seed)
        areas = _areas(rows, models, classes)
    return DomainClassifier(dataset, seen, classes, models, seed, areas, left_out)


def _place(df: DataFrame, dataset: Dataset, classes: tuple[str, ...], seed: int) -> Column:
    """Return the number of the model that has not seen a row: by class and fold, null for other classes."""
    fold = F.pmod(row_hash(df, dataset.identity, seed, "domain_fold"), F.lit(FOLDS)).cast("int")
    return class_code(df, dataset.label, classes).cast("int") * F.lit(FOLDS) + fold


def _features(df: DataFrame, fitted: Preprocessing) -> Column:
    return fitted.array(df).cast("array<float>").alias("features")


def _telling(rows: DataFrame, fitted: Preprocessing) -> tuple[str, ...]:
    """Return the columns of which no value is in both domains: one scan of the sample."""
    value = F.nanvl("value", F.lit(None).cast("float"))
    values = rows.select("label", F.posexplode("features").alias("place", "value")).groupBy("label", "place")
    ranges = values.agg(
        F.min(value).alias("low"), F.max(value).alias("high"), F.count_if(F.isnan("value")).alias("gaps")
    )
    table = ranges.toPandas().set_index(["label", "place"]).sort_index()
    low, high, gaps = (table[name].to_numpy(np.float64).reshape(2, -1) for name in ("low", "high", "gaps"))
    meet, both_have = ranges_meet(low, high, gaps > 0), np.minimum(*high) > 0
    at, found = 0, []
    for feature in fitted.features:
        own = slice(at, at + len(feature.names))
        # A category is a flag for each level.
        if not (both_have if isinstance(feature, Category) else meet)[own].any():
            found.append(feature.column)
        at = own.stop
    return tuple(dict.fromkeys(found))


def _only(rows: DataFrame, kept: Sequence[bool]) -> DataFrame:
    """Return the sample with some of the features."""
    flags = F.lit(list(kept))
    return rows.withColumn("features", F.filter("features", lambda _, place: F.get(flags, place)))


def _sampled(
    df: DataFrame,
    dataset: Dataset,
    fitted: Preprocessing,
    limits: Mapping[str, int],
    weights: Mapping[str, float],
    domain: float,
    seed: int,
) -> DataFrame:
    place = row_hash(df, dataset.identity, seed, "domain")
    kept = df.where(place <= of_class(df, dataset.label, limits, "bigint"))
    return kept.select(
        _place(kept, dataset, tuple(limits), seed).alias("place"),
        place.alias(PLACE),
        _features(kept, fitted),
        F.lit(domain).alias("label"),
        of_class(kept, dataset.label, weights, "double").alias("weight"),
    )


def _trained(rows: DataFrame, classes: int, seed: int) -> tuple[bytes, ...]:
    """Return a model for each class and fold, trained on the rows of the class in the other folds."""
    first = F.col("place") - F.col("place") % F.lit(FOLDS)
    others = F.filter(F.sequence(first, first + F.lit(FOLDS - 1)), lambda task: task != F.col("place"))
    each = rows.select(F.explode(others).alias(TASK), PLACE, "features", "label", "weight")
    return tuple(found.model for found in fit_tasks(each, _LEARNER, tasks=classes * FOLDS, seed=seed))


def _areas(rows: DataFrame, models: tuple[bytes, ...], classes: tuple[str, ...]) -> dict[str, float]:
    """Return the area under the ROC curve of each class; collects the scores of the bounded sample."""
    row = F.struct("features", F.lit(1).alias("own"), F.col("place").alias("fold"))
    scored = rows.select("place", "label", "weight", by_fold(_LEARNER, models)(row).alias("score"))
    table = scored.toPandas()
    found = {}
    for i, name in enumerate(classes):
        of = table[table["place"] // FOLDS == i]
        _, at = np.unique(-of["score"].to_numpy(), return_inverse=True)
        domain, weight = of["label"].to_numpy() == _TARGET, of["weight"].to_numpy()
        pos, neg = (np.bincount(at, weight * side).astype(np.float64) for side in (domain, ~domain))
        found[name] = float(roc_auc(pos, neg))
    return found
