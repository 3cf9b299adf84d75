"""The scores of one fold's test rows, summed by the buckets of the bootstrap. Importing it needs no Spark."""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard.errors import InputError
from steelyard.kernels.arrays import Counts, Floats, divide, sum_in_bins
from steelyard.kernels.reliability import log_losses
from steelyard.metrics import ScoreTable, get_metric

BUCKETS = 200
_BINS = 200
_MOST_BINS, _FEWEST = 2000, 20  # of all classes together, and of each one


def check_fold(training: Mapping[str, int]) -> None:
    """Raise `InputError` for a fold whose training rows lack a class, as groups, times and gaps can cause.

    Parameters
    ----------
    training : mapping of str to int
        Training rows of each class.
    """
    for name, rows in training.items():
        if not rows:
            raise InputError(
                f"the training rows of a fold have no row of class {name!r}, or none but those that are held out "
                f"({sum(training.values()):,} rows in all); take fewer folds (compare.folds) or a shorter gap "
                "(split.gap), or leave out the section compare"
            )


@dataclass(frozen=True)
class FoldScores:
    """Sums over the test rows of one fold.

    Parameters
    ----------
    pr_auc : float
        Of several classes, the mean over those with rows, each against the rest.
    loss, cost, mass : array of float, shape (200,)
        Log loss and cost of the decisions of each bucket's rows, times their weights; the weights.
    cells : array of float, shape (n, 4)
        Bucket, bin of scores (from the highest), weight of positives, weight of negatives. The bins of each of several
        classes come after those of the classes before it; with more than 10 classes, each has fewer bins.
    positives : int
        Of several classes, rows of the rarest.
    facts : dict
        Of the model: rows it was trained on, threshold, calibration.
    """

    pr_auc: float
    loss: Floats
    cost: Floats
    mass: Floats
    cells: Floats
    positives: int
    facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        score: Floats,
        positive: NDArray[np.bool_],
        alarm: NDArray[np.bool_],
        weight: Floats,
        bucket: Counts,
        cost_fn: Floats,
        cost_fp: Floats,
        facts: Mapping[str, Any],
    ) -> FoldScores:
        """Return the sums of rows given as arrays; costs are per row."""
        losses = np.where(positive, *log_losses(score))
        costs = np.where(positive & ~alarm, cost_fn, 0.0) + np.where(~positive & alarm, cost_fp, 0.0)
        return cls._summed([(score, positive)], losses, costs, weight, bucket, facts)

    @classmethod
    def of_classes(
        cls,
        scores: Floats,
        label: Counts,
        decided: Counts,
        weight: Floats,
        bucket: Counts,
        costs: Floats,
        facts: Mapping[str, Any],
    ) -> FoldScores:
        """Return the sums of rows of several classes.

        Parameters
        ----------
        scores : array of float, shape (rows, classes)
            Calibrated probabilities.
        label, decided : array of int
            Numbers of classes.
        weight : array of float
        bucket : array of int
        costs : array of float, shape (classes, classes)
            By actual and decided class.
        facts : mapping
        """
        losses = log_losses(scores[np.arange(len(label)), label])[0]
        sides = [(scores[:, i], label == i) for i in range(scores.shape[1])]
        return cls._summed(sides, losses, costs[label, decided], weight, bucket, facts)

    @classmethod
    def _summed(
        cls,
        sides: Sequence[tuple[Floats, NDArray[np.bool_]]],
        losses: Floats,
        costs: Floats,
        weight: Floats,
        bucket: Counts,
        facts: Mapping[str, Any],
    ) -> FoldScores:
        """Return the sums, given the scores of each class against the rest, or of the positive one of two."""
        most = min(max(_MOST_BINS // len(sides), _FEWEST), _BINS)
        areas, cells = zip(*[_side(*side, weight, bucket, i, most) for i, side in enumerate(sides)], strict=True)
        loss, cost, mass = (sum_in_bins(bucket, weight * of, BUCKETS) for of in (losses, costs, np.ones(len(weight))))
        fewest = min(int(positive.sum()) for _, positive in sides)
        return cls(_mean_area(np.array(areas)).item(), loss, cost, mass, np.concatenate(cells), fewest, dict(facts))

    def drawn_area(self, weights: Floats) -> Floats:
        """Return the PR area in each draw of the bootstrap, from the binned scores."""
        bucket, bins = self.cells[:, 0].astype(int), self.cells[:, 1].astype(int)
        grids = np.zeros((2, BUCKETS, self.sides * _BINS))
        grids[0, bucket, bins], grids[1, bucket, bins] = self.cells[:, 2], self.cells[:, 3]
        pos, neg = ((weights @ grid).reshape(len(weights), -1, _BINS) for grid in grids)
        return _mean_area(get_metric("pr_auc").compute(pos, neg))

    @property
    def sides(self) -> int:
        """How many classes are seen against the rest: of two one."""
        return int(self.cells[:, 1].max(initial=0)) // _BINS + 1

    def add_positives(self, to: Floats) -> None:
        """Add the weights of positives to sums by bucket and class, shape (200, sides)."""
        np.add.at(to, (self.cells[:, 0].astype(int), self.cells[:, 1].astype(int) // _BINS), self.cells[:, 2])

    def to_json(self) -> dict[str, Any]:
        """Return JSON types; arrays are text: tens of thousands of numbers of each fold and candidate."""
        arrays = {name: _text(getattr(self, name)) for name in ("loss", "cost", "mass", "cells")}
        area = None if math.isnan(self.pr_auc) else self.pr_auc
        return {"pr_auc": area, **arrays, "positives": self.positives, "facts": self.facts}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> FoldScores:
        """Return what `to_json` described."""
        arrays = {name: _numbers(document[name]) for name in ("loss", "cost", "mass", "cells")}
        arrays["cells"] = arrays["cells"].reshape(-1, 4)
        area = math.nan if document["pr_auc"] is None else document["pr_auc"]
        return cls(area, **arrays, positives=document["positives"], facts=document["facts"])


def _side(
    score: Floats, positive: NDArray[np.bool_], weight: Floats, bucket: Counts, number: int, most: int
) -> tuple[float, Floats]:
    """Return the PR area of a class against the rest, and its cells of at most so many bins."""
    table = ScoreTable.from_rows(score, positive, weight)
    bins = table.bins(most)[np.searchsorted(-table.low, -score)]
    used, inverse = np.unique(bucket * _BINS + bins, return_inverse=True)
    sums = [sum_in_bins(inverse, weight * side, len(used)) for side in (positive, ~positive)]
    cells = np.stack([used // _BINS, number * _BINS + used % _BINS, *sums], axis=1).astype(np.float64)
    return float(get_metric("pr_auc").compute(table.pos, table.neg)), cells


def _mean_area(areas: Floats) -> Floats:
    """Return the mean over the classes that have rows: the last axis."""
    return divide(np.nansum(areas, axis=-1), np.isfinite(areas).sum(axis=-1))


def _text(numbers: Floats) -> str:
    """Return numbers as base64 text."""
    return b64encode(numbers.astype("<f8").tobytes()).decode()


def _numbers(text: str) -> Floats:
    """Return the numbers of `_text`."""
    found: Floats = np.frombuffer(b64decode(text), "<f8").astype(np.float64)
    return found
