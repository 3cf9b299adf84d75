"""Rows and scores that unit tests and simulations draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from steelyard.kernels.arrays import Counts, Floats
from steelyard.learning.arrays import ArrayRows
from steelyard.metrics import BucketTable, ScoreTable
from steelyard.metrics._gain import ScoredSplit
from steelyard.monitoring import ScoreCounts

N = 6000


def array_rows(n: int = 3000, share: float = 0.1, seed: int = 0) -> tuple[ArrayRows, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < share).astype(float)
    x = (rng.normal(size=(n, 3)) + y[:, None]).astype(np.float32)
    x[rng.random((n, 3)) < 0.02] = np.nan
    return ArrayRows(x, y, np.ones(n)), rng.permutation(n).astype(np.int64) * 1_000_003


def changed_scores(change: Callable[[np.ndarray], np.ndarray], n: int = 20_000, seed: int = 0) -> ScoreTable:
    """Return rows of 5 % positives, whose log odds a model has changed."""
    rng = np.random.default_rng(seed)
    p = rng.beta(0.3, 6, n)
    return ScoreTable.from_rows(expit(change(logit(np.clip(p, 1e-12, 1 - 1e-12)))), rng.random(n) < p)


def two_normal_classes(
    seed: int, rows: int, prevalence: float, shift: float = 2.0, moved: float = 0.0
) -> tuple[Floats, Counts]:
    """Calibrated scores at 5 % of two normal classes; `moved` shifts the negatives."""
    rng = np.random.default_rng(seed)
    y = (rng.random(rows) < prevalence).astype(np.int64)
    x = rng.normal(size=rows) + shift * y + moved * (1 - y)
    z = shift * x - shift**2 / 2 + np.log(0.05 / 0.95)
    return 1 / (1 + np.exp(-z)), y


def score_counts(seed: int, rows: int, prevalence: float, known: bool = True, moved: float = 0.0) -> ScoreCounts:
    score, y = two_normal_classes(seed, rows, prevalence, moved=moved)
    return ScoreCounts.from_rows(score, score >= 0.2, y if known else None)


def two_models(seed: int = 0, n: int = N) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, buckets, and the probabilities of two models that see partly the same."""
    rng = np.random.default_rng(seed)
    label = rng.random(n) < 0.04
    shared = rng.normal(size=n) + 2.0 * label
    scores = [1 / (1 + np.exp(3.5 - shared - noise * rng.normal(size=n))) for noise in (0.2, 0.9)]
    return label, rng.integers(0, 200, n), scores[0], scores[1]


def scored_split(label: np.ndarray, bucket: np.ndarray, score: np.ndarray, *, costs: bool = True) -> ScoredSplit:
    amounts = {"cost_fn": np.full(len(label), 50.0), "cost_fp": np.full(len(label), 5.0)} if costs else {}
    table = ScoreTable.from_rows(score, label, None, **amounts)
    buckets = BucketTable.from_rows(table, score, label, score >= 0.1, bucket, **amounts)
    return ScoredSplit(("no", "yes"), "yes", {"yes": (table, buckets)}, grouped=False)


def around_centres(rng: np.random.Generator, n: int, d: int) -> NDArray[np.float64]:
    """Return rows around a dozen of centres."""
    centres = rng.normal(0, 5, (12, d))
    return np.asarray(centres[rng.integers(0, 12, n)] + rng.normal(size=(n, d)))


def by_feature(rows: NDArray[Any]) -> NDArray[Any]:
    """Return the rows as `Groups` takes them."""
    return np.vstack([rows.T, np.zeros((1, len(rows)), dtype=rows.dtype)])
