"""Choosing a calibrator by evidence: cross-fitted log loss on validation rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from steelyard.deciding._calibrators import Calibrator, Identity
from steelyard.deciding._fit import LOG_ODDS, fit_calibrator, has_both
from steelyard.errors import InputError
from steelyard.kernels.arrays import Floats, sum_in_bins
from steelyard.kernels.calibration import EPSILON, log_odds
from steelyard.kernels.intervals import Z95
from steelyard.metrics import ScoreTable

CANDIDATES = ("none", *LOG_ODDS, "isotonic")
"""From the simplest on."""

FEWEST = 20
"""Positives, and negatives, from which there is a choice; with fewer, folds say nothing."""

_FOLDS = 5
_MOST = 1 << 12  # rows of a table that candidates are compared on
_NOTHING = 1e-9  # a gain that is rounding


@dataclass(frozen=True)
class Candidate:
    """A calibration, and its evidence.

    Parameters
    ----------
    method : str
    log_loss : float
        Mean over the validation rows, each judged by a calibrator that was fitted without its fold.
    gain : float
        How much less that is than without the calibration; below 0 it is more.
    ci95 : tuple of (float, float)
        95 % interval of the gain.
    """

    method: str
    log_loss: float
    gain: float
    ci95: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """Return JSON types."""
        return {"method": self.method, "log_loss": self.log_loss, "gain": self.gain, "ci95": list(self.ci95)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Candidate:
        """Return the candidate that `to_json` described."""
        low, high = document["ci95"]
        return cls(document["method"], document["log_loss"], document["gain"], (low, high))


@dataclass(frozen=True)
class Choice:
    """A calibrator, the candidates that it was chosen from (none where it was not a choice), and a note."""

    calibrator: Calibrator
    candidates: tuple[Candidate, ...] = ()
    note: str | None = None


def choose_calibrator(table: ScoreTable, *, exact: bool) -> Choice:
    """Return the calibrator with evidence for it on validation rows.

    Parameters
    ----------
    table : ScoreTable
        Of the scores, after a correction that is exact.
    exact : bool
        Whether the scores are then probabilities but for the model's own errors. A candidate then replaces a simpler
        one, and no calibration, only where its log loss is less beyond the 95 % interval of their difference.
        Otherwise a calibration is needed: the one with the least log loss is taken, with a note where its gain over
        the raw scores is within the interval.

    Raises
    ------
    InputError
        If a calibration is needed and the rows are of one class only.
    """
    if min(table.count_pos.sum(), table.count_neg.sum()) < FEWEST or not has_both(table):
        return Choice(Identity() if exact else fit_calibrator("platt", table))
    trials = _tried(table)
    candidates = tuple(trial.against(trials[0]) for trial in trials)
    if exact:
        chosen = trials[0]
        for trial in trials[1:]:
            chosen = trial if trial.against(chosen).ci95[0] > _NOTHING else chosen
        return Choice(_fitted(chosen.method, table), candidates)
    best = min(candidates[1:], key=lambda c: c.log_loss)
    note = None
    if best.ci95[0] <= _NOTHING:
        note = (
            f"calibration {best.method}: its log loss on validation rows is not better than that of the raw scores "
            "beyond the 95 % interval; it is used because training changed the probabilities in an unknown way"
        )
    return Choice(_fitted(best.method, table), candidates, note)


def _fitted(method: str, table: ScoreTable) -> Calibrator:
    """Return a calibrator; Platt's where the whole table does not allow a quadratic one that its parts allow."""
    try:
        return fit_calibrator(method, table)
    except InputError:
        return fit_calibrator("platt", table)


@dataclass(frozen=True)
class _Trial:
    """A method's losses in cells of rows (class, fold, score), whose number and weight are known."""

    method: str
    losses: Floats
    rows: Floats
    weights: Floats

    def against(self, other: _Trial) -> Candidate:
        """Return the evidence, with the gain over another method's losses."""
        total = float(self.weights.sum())
        gains = other.losses - self.losses
        gain = float(self.weights @ gains) / total
        squares = np.square(self.weights) / np.maximum(self.rows, 1)
        error = float(np.sqrt(squares @ np.square(gains - gain))) / total
        ends = (gain - Z95 * error, gain + Z95 * error)
        return Candidate(self.method, float(self.weights @ self.losses) / total, gain, ends)


def _tried(table: ScoreTable) -> list[_Trial]:
    """Try each candidate, no calibration first; one that cannot be fitted without some fold is left out.

    Rows are divided among five folds at random, with a fixed seed, rows of equal score each by itself. Tables of more
    than 4,096 rows are compared in bins of about equal shares of both classes.
    """
    small = _binned(table)
    folds = _folds(small)
    kept = [_without(small, fold) for fold in folds]
    cells = [
        np.concatenate([np.concatenate([getattr(fold, name) for fold in folds]) for name in names]).astype(np.float64)
        for names in (("count_pos", "count_neg"), ("pos", "neg"))
    ]
    found = []
    for method in CANDIDATES:
        try:
            scores = [fit_calibrator(method, part).apply_numpy(small.score) for part in kept]
        except InputError:
            continue
        found.append(_Trial(method, np.concatenate([_losses(s) for s in scores], axis=1).ravel(), *cells))
    return found


def _binned(table: ScoreTable) -> ScoreTable:
    if len(table) <= _MOST:
        return table
    bins = table.bins(_MOST)
    n = int(bins[-1]) + 1
    z = sum_in_bins(bins, log_odds(table.score) * table.size, n) / np.maximum(sum_in_bins(bins, table.size, n), 1e-300)
    means = 1 / (1 + np.exp(-z))
    return table.moved(means[bins])


def _folds(table: ScoreTable) -> list[ScoreTable]:
    """Return the table's rows in five parts: the counts of each score are divided at random."""
    rng = np.random.default_rng(0)
    shares = np.full(_FOLDS, 1 / _FOLDS)
    counts = [rng.multinomial(n, shares) for n in (table.count_pos, table.count_neg)]
    each = [w / np.maximum(n, 1) for w, n in ((table.pos, table.count_pos), (table.neg, table.count_neg))]
    zeros = np.zeros(len(table))
    return [
        ScoreTable(table.score, table.score, each[0] * pos, each[1] * neg, pos, neg, zeros, zeros)
        for pos, neg in zip(*(n.T for n in counts), strict=True)
    ]


def _without(table: ScoreTable, fold: ScoreTable) -> ScoreTable:
    counts = table.count_pos - fold.count_pos, table.count_neg - fold.count_neg
    # Differences of weights must not leave a rounding error where no row is left.
    pos, neg = ((a - b) * (n > 0) for a, b, n in zip((table.pos, table.neg), (fold.pos, fold.neg), counts, strict=True))
    return ScoreTable(table.score, table.score, pos, neg, *counts, table.cost_fn, table.cost_fp)


def _losses(score: Floats) -> Floats:
    """Return the losses of a positive and of a negative row with each score, shape (2, n)."""
    kept = np.clip(score, EPSILON, 1 - EPSILON)
    return -np.stack([np.log(kept), np.log1p(-kept)])
